//! What was measured: of each task and tool, every round.

use std::collections::BTreeMap;

use super::machine::Machine;
use super::tool::Step;

/// What every tool is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// All records, to an empty place.
    FirstUpload,
    /// Nothing is new.
    NoOp,
    /// One record is new.
    OneChange,
    /// Another device fetches it.
    OneChangeRead,
    /// Many records are new.
    ManyChanges,
    /// Another device fetches them.
    ManyChangesRead,
    /// A new device fetches everything.
    FirstDownload,
    /// One large file, to an empty place.
    BigUpload,
    /// Another device fetches it.
    BigDownload,
}

/// One row of the table: a task, with or without a long history behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) with_history: bool,
    pub(crate) task: Task,
}

/// One round of one row.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) steps: Vec<Step>,
    /// As the store counts them.
    pub(crate) requests: u64,
}

/// A row of a tool, by medians.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// Wall time in seconds.
    pub(crate) wall: f64,
    /// Processor time in seconds.
    pub(crate) cpu: f64,
    pub(crate) requests: u64,
    /// Peak memory in KiB, of the greatest process.
    pub(crate) peak_kib: u64,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) machine: Machine,
    /// The command line that made it.
    pub(crate) command: String,
    pub(crate) records: usize,
    pub(crate) changes: usize,
    pub(crate) history: usize,
    pub(crate) big_mib: u64,
    pub(crate) rounds: usize,
    /// The tools, in the order of the columns.
    pub(crate) tools: Vec<String>,
    /// What they say of their versions.
    pub(crate) versions: Vec<String>,
    /// Tools that were asked for and are not installed.
    pub(crate) missing: Vec<String>,
    pub(crate) samples: BTreeMap<(Row, String), Vec<Sample>>,
}

impl Outcome {
    /// The rows that were measured, in order.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.samples.keys().map(|(row, _)| *row).collect();
        rows.dedup();
        rows
    }

    /// A row of a tool.
    pub(crate) fn cell(&self, row: Row, tool: &str) -> Option<Cell> {
        let samples = self.samples.get(&(row, tool.to_owned()))?;
        let sum = |figure: fn(&Step) -> f64| median(samples.iter().map(|sample| sample.steps.iter().map(figure).sum()).collect());
        let greatest = |sample: &Sample| sample.steps.iter().map(|step| step.taken.peak_kib).max().unwrap_or(0);
        Some(Cell {
            wall: sum(|step| step.taken.wall)?,
            cpu: sum(|step| step.taken.cpu)?,
            requests: middle(samples.iter().map(|sample| sample.requests).collect())?,
            peak_kib: samples.iter().map(greatest).max()?,
        })
    }
}

impl Row {
    /// What it is called in the table.
    pub(crate) fn name(self, outcome: &Outcome) -> String {
        let (records, changes, mib) = (grouped(outcome.records as u64), grouped(outcome.changes as u64), outcome.big_mib);
        let large = if mib.is_multiple_of(1024) { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") };
        match self.task {
            Task::FirstUpload => format!("first upload of {records} records"),
            Task::NoOp => "nothing new".to_owned(),
            Task::OneChange => "one change, written".to_owned(),
            Task::OneChangeRead => "one change, read on another device".to_owned(),
            Task::ManyChanges => format!("{changes} changes, written"),
            Task::ManyChangesRead => format!("{changes} changes, read on another device"),
            Task::FirstDownload => format!("first download of {records} records"),
            Task::BigUpload => format!("{large} up"),
            Task::BigDownload => format!("{large} down"),
        }
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn middle(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(["7", "1,000", "100,000"], [7, 1_000, 100_000].map(grouped).each_ref().map(String::as_str));
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(vec![9, 1, 5]), Some(5));
        assert_eq!(median(Vec::new()), None);
    }
}
