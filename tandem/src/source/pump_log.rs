//! What a pump wrote into its log on some days.

use crate::{Event, Rejected};

/// The log of some days.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PumpLog {
    /// The events of the days asked for, each once, in the order of the pump's numbers.
    pub events: Vec<Event>,
    /// Every change of the pump's clock in its whole history (codes 13 and 14).
    pub clock_changes: Vec<Event>,
    /// Entries that are not even an event.
    pub rejected: Vec<Rejected>,
    /// How many entries were events of other days, or of codes that were not asked for; they are left out.
    pub others: usize,
}
