//! The recovery code, on its way to and from a person.

use std::io::{self, IsTerminal};
use std::path::Path;

use tidegate_sync_client::{Error, RecoveryCode};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input;
use crate::save::SecretFile;
use crate::style::Style;

const COLUMNS: usize = 4;

/// The code as numbered words, read down the columns.
pub(crate) fn grid(code: &str, style: Style) -> String {
    let words: Vec<&str> = code.split_whitespace().collect();
    let rows = words.len().div_ceil(COLUMNS);
    let wide = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in 0..rows {
        let cells = (row..words.len()).step_by(rows).map(|index| {
            let number = style.dim(format!("{:>2}", index + 1));
            format!("{number} {}{}", style.bold(words[index]), " ".repeat(wide - words[index].len()))
        });
        let line = cells.collect::<Vec<_>>().join("   ");
        text.push_str(&format!("    {}\n", line.trim_end()));
    }
    text
}

/// What a person is told who is given a code: in a file, or shown.
pub(crate) fn handed_over(code: &str, file: Option<&SecretFile>, style: Style) -> String {
    file.map_or_else(|| shown(code, style), |file| saved(input::display(file.path()), style))
}

fn shown(code: &str, style: Style) -> String {
    format!(
        "{}\n\n{}\n{}\n{}\n",
        style.bold("Your recovery code"),
        grid(code, style),
        "  Write it down on paper, now: it is shown this once and kept nowhere. It lets further devices in,",
        "  and it is the only way back if all of them are lost. Show it to nobody you would not show everything.",
    )
}

fn saved(path: String, style: Style) -> String {
    format!(
        "  The recovery code is in {} (readable by you alone) and is not shown.\n{}\n",
        style.bold(path),
        "  Keep it off this device: it lets further devices in, and it is the only way back if all of them are lost.",
    )
}

/// The code from `--recovery-file`, or typed by a person.
///
/// # Errors
/// Which word is wrong and what it may have been, without asking anyone else.
pub(crate) fn read(file: Option<&Path>) -> Result<RecoveryCode, Failure> {
    let text = file.map_or_else(ask, input::read_secret)?;
    Ok(RecoveryCode::parse(&text).map_err(Error::RecoveryCode)?)
}

fn ask() -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "recovery-code-missing",
            "no recovery code was given, and there is no terminal to ask at",
            "pass --recovery-file FILE (`-` reads standard input)",
        ));
    }
    let typed = rpassword::prompt_password("Recovery code (24 words, not shown as you type): ");
    typed.map(Zeroizing::new).map_err(|error| {
        let message = format!("the recovery code could not be read from the terminal: {error}");
        Failure::invalid("prompt-failed", message, "pass --recovery-file FILE")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_numbers_words_down_the_columns() {
        let words: Vec<String> = (1..=24).map(|number| format!("w{number}")).collect();
        let grid = grid(&words.join(" "), Style::plain());
        let lines: Vec<&str> = grid.lines().collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "     1 w1     7 w7    13 w13   19 w19");
        assert_eq!(lines[5], "     6 w6    12 w12   18 w18   24 w24");
    }
}
