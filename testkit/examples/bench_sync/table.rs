//! The tables of the page: wall time, processor time, requests, peak memory.

use std::fmt::Write as _;

use super::outcome::{Cell, Outcome, Row, grouped};

/// Both tables, in Markdown: what is in a cell is wall time, requests and peak memory.
pub(crate) fn markdown(outcome: &Outcome) -> String {
    let mut text = String::new();
    let rows = outcome.rows();
    let (with, without): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.with_history);
    table(&mut text, outcome, &without);
    if !with.is_empty() {
        let changes = grouped(outcome.history as u64);
        let _ = write!(text, "\nThe same with a history of {changes} changes:\n\n");
        table(&mut text, outcome, &with);
    }
    text
}

fn table(text: &mut String, outcome: &Outcome, rows: &[Row]) {
    let _ = writeln!(text, "| | {} |", outcome.tools.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(outcome.tools.len()));
    for row in rows {
        let cells: Vec<String> = outcome.tools.iter().map(|tool| of_tool(outcome, *row, tool)).collect();
        let _ = writeln!(text, "| {} | {} |", row.name(outcome), cells.join(" | "));
    }
}

fn of_tool(outcome: &Outcome, row: Row, tool: &str) -> String {
    let Some(cell) = outcome.cell(row, tool) else { return "-".to_owned() };
    written(&cell)
}

fn written(cell: &Cell) -> String {
    let mut parts = vec![format!("**{}** ({})", seconds(cell.wall), seconds(cell.cpu))];
    parts.push(format!("{} req", grouped(cell.requests)));
    parts.push(format!("{} MiB", cell.peak_kib.div_ceil(1024)));
    parts.join(", ")
}

/// Three digits at most.
fn seconds(seconds: f64) -> String {
    if seconds < 9.95 { format!("{seconds:.2} s") } else { format!("{seconds:.1} s") }
}
