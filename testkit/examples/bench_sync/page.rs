//! Writes tables and plot into the docs.

use std::fs;
use std::path::Path;

use super::outcome::Outcome;
use super::{Fallible, plot, table};

const BEGIN: &str = "<!-- bench-sync: begin -->";
const END: &str = "<!-- bench-sync: end -->";
const PAGE: &str = "benchmarks.md";
const PLOT: &str = "bench-sync.svg";

/// Puts the tables between their marks in the page, and the plot beside it.
///
/// # Errors
/// If the page lacks the marks or a file cannot be written.
pub(crate) fn write(folder: &Path, outcome: &Outcome) -> Fallible<()> {
    let path = folder.join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let missing = match outcome.missing.as_slice() {
        [] => String::new(),
        missing => format!(" Not installed, and so not measured: {}.", missing.join(", ")),
    };
    let section = format!(
        "Made by `just bench-sync {}` on {}. {}. Medians of {} round(s).{missing}\n\n![Wall time of each task, by tool]({PLOT})\n\n{}",
        outcome.command,
        outcome.machine.words(),
        outcome.versions.join(", "),
        outcome.rounds,
        table::markdown(outcome),
    );
    let page = replaced(&page, &section).ok_or_else(|| format!("{} lacks {BEGIN} and {END}", path.display()))?;
    fs::write(&path, page).map_err(|error| error.to_string())?;
    fs::write(folder.join(PLOT), plot::svg(outcome)).map_err(|error| error.to_string())
}

fn replaced(page: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_written_anew() {
        let page = format!("one\n{BEGIN}\nold\n{END}\ntwo\n");
        let again = replaced(&page, "new").unwrap();
        assert_eq!(again, format!("one\n{BEGIN}\nnew\n{END}\ntwo\n"));
        assert_eq!(replaced(&again, "new").unwrap(), again);
        assert_eq!(replaced("no marks", "new"), None);
    }
}
