//! The times of a signing key, as they stand in its file above the PEM block: RFC 7468, section 2, lets any text stand there.

use tidegate_protocol::wire::timestamp;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN";
const SIGNS_FROM: &str = "signs-from";
const OLDER_UNTIL: &str = "older-until";

/// When a key signs, and for how long those before it verify.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeyTimes {
    /// It signs from then on, unless a later one does; `None`: since ever.
    pub(crate) signs_from: Option<OffsetDateTime>,
    /// Tokens of keys before it count until then, but for as long as it does not sign itself; `None`: for ever.
    pub(crate) older_until: Option<OffsetDateTime>,
}

impl KeyTimes {
    /// The times above a PEM block, and the block; `None` if one of them is not a time. Other text there is skipped.
    pub(super) fn above(file: &str) -> Option<(Self, &str)> {
        let (above, block) = file.split_at(file.find(BEGIN).unwrap_or(0));
        let mut times = Self::default();
        for line in above.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.trim() {
                SIGNS_FROM => times.signs_from = Some(timestamp::parse(value.trim()).ok()?),
                OLDER_UNTIL => times.older_until = Some(timestamp::parse(value.trim()).ok()?),
                _ => {}
            }
        }
        Some((times, block))
    }

    /// The file of a key.
    pub(crate) fn write_above(&self, pem: &str) -> Zeroizing<String> {
        let mut file = Zeroizing::new(String::with_capacity(pem.len() + 128));
        for (name, time) in [(SIGNS_FROM, self.signs_from), (OLDER_UNTIL, self.older_until)] {
            if let Some(text) = time.and_then(|time| timestamp::format(time).ok()) {
                file.push_str(name);
                file.push_str(": ");
                file.push_str(&text);
                file.push('\n');
            }
        }
        file.push_str(pem);
        file
    }

    pub(super) fn has_begun(&self, now: OffsetDateTime) -> bool {
        self.signs_from.is_none_or(|from| from <= now)
    }

    /// Whether the tokens of older keys count no more. Not before it signs itself: else nothing would.
    pub(super) fn ends_older(&self, now: OffsetDateTime) -> bool {
        self.has_begun(now) && self.older_until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

    #[test]
    fn times_are_read_as_they_are_written() {
        let times =
            KeyTimes { signs_from: Some(datetime!(2026-11-21 09:30 UTC)), older_until: Some(datetime!(2027-11-22 09:30 UTC)) };
        let file = times.write_above(PEM);
        assert_eq!(*file, format!("signs-from: 2026-11-21T09:30:00.000Z\nolder-until: 2027-11-22T09:30:00.000Z\n{PEM}"));
        assert_eq!(KeyTimes::above(&file), Some((times, PEM)));
        assert_eq!(KeyTimes::above(PEM), Some((KeyTimes::default(), PEM)));
        assert_eq!(*KeyTimes::default().write_above(PEM), PEM);
    }

    #[test]
    fn a_time_that_is_none_is_refused_and_other_text_skipped() {
        assert_eq!(KeyTimes::above(&format!("signs-from: tomorrow\n{PEM}")), None);
        assert_eq!(KeyTimes::above(&format!("older-until:\n{PEM}")), None);
        assert_eq!(KeyTimes::above(&format!("Bag attributes\nfriendlyName: x\n{PEM}")), Some((KeyTimes::default(), PEM)));
    }
}
