//! How many requests Tidegate may make, whatever the number of records and the length of the history.

use super::Fallible;
use super::outcome::{Outcome, Row, Task};

/// The most requests that a task may take. How many a new device needs depends on how much came after the last checkpoint.
const fn most(row: Row) -> Option<u64> {
    match row.task {
        Task::FirstUpload => Some(10),
        Task::NoOp => Some(1),
        Task::OneChange => Some(4),
        Task::OneChangeRead => Some(3),
        Task::ManyChanges | Task::ManyChangesRead => Some(8),
        Task::FirstDownload if row.with_history => None,
        Task::FirstDownload => Some(12),
        // These grow with the size: a request for each part.
        Task::BigUpload | Task::BigDownload => None,
    }
}

/// Checks every round of every row of Tidegate.
///
/// # Errors
/// Names each that is over its bound.
pub(crate) fn check(outcome: &Outcome) -> Fallible<()> {
    let mut over = Vec::new();
    for ((row, tool), samples) in outcome.samples.iter().filter(|((_, tool), _)| tool == "tidegate") {
        let Some(most) = most(*row) else { continue };
        let requests = samples.iter().map(|sample| sample.requests);
        over.extend(
            requests
                .filter(|requests| *requests > most)
                .map(|requests| format!("{tool}: {} took {requests} requests and may take {most}", row.name(outcome))),
        );
    }
    if over.is_empty() { Ok(()) } else { Err(over.join("\n")) }
}
