//! Colour, only where a person is looking; and text from elsewhere made safe to show.

use std::fmt::Display;
use std::io::IsTerminal;

/// How text is set for one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// Colour where `stream` is a terminal, unless `--no-color`, `NO_COLOR` or `TERM=dumb` says no.
    pub(crate) fn of(stream: &impl IsTerminal, no_color: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: stream.is_terminal() && !no_color && !set("NO_COLOR") && !dumb }
    }

    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { colour: false }
    }

    fn wrap(self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn good(self, text: impl Display) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn bad(self, text: impl Display) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn warning(self, text: impl Display) -> String {
        self.wrap("33", text)
    }

    /// Something to type, or a name to find again.
    pub(crate) fn code(self, text: impl Display) -> String {
        self.wrap("36", text)
    }
}

/// Text that another device or a file name gave, shown without what would steer the terminal or turn the reading direction.
pub(crate) fn shown(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// A size as a person reads it: `812 B`, `1.4 KiB`, `16 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match (unit, tenths % 10) {
        (0, _) => format!("{bytes} B"),
        (_, 0) => format!("{} {}", tenths / 10, UNITS[unit]),
        (_, tenth) => format!("{}.{tenth} {}", tenths / 10, UNITS[unit]),
    }
}

/// A number of bytes as people write it: `1048576`, `500MB`, `4 GiB`. Units are powers of 1,024, with or without the `i`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "not a number of bytes, such as 500MiB".to_owned())?;
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let power = match unit.strip_suffix('i').unwrap_or(unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err("units are KiB, MiB, GiB and TiB".to_owned()),
    };
    number.checked_mul(1 << (10 * power)).ok_or_else(|| "too many bytes".to_owned())
}

/// `1 record`, `2 records`.
pub(crate) fn count(number: impl TryInto<u64>, one: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_not_shown() {
        assert_eq!(shown("a\x1b[2Jb\u{202e}c\nd"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        assert_eq!(shown("Grüße 🙂"), "Grüße 🙂");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1 KiB");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(16 << 20), "16 MiB");
        assert_eq!(size(u64::MAX), "1677721.5 TiB");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text: &str| read_size(text).ok();
        assert_eq!((read("0"), read("1024"), read("2k"), read("500MB")), (Some(0), Some(1024), Some(2048), Some(500 << 20)));
        assert_eq!((read(" 4 GiB "), read("1T"), read("7 b")), (Some(4 << 30), Some(1 << 40), Some(7)));
        assert_eq!(
            (read(""), read("MB"), read("4 PB"), read("1.5G"), read("-1"), read("99999999T")),
            (None, None, None, None, None, None)
        );
    }

    #[test]
    fn plain_style_adds_nothing() {
        assert_eq!(Style::plain().bad("x"), "x");
    }
}
