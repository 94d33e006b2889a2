//! How much is known of what led to an event. Every line of an event before it weighs something, and a line of which more is known
//! weighs more; so the weight grows with every line that becomes known, and with nothing else. Only lines of the days before the
//! event count: what is written later leaves it as it is.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{less, more};
use crate::line::BasalRate;
use crate::sample::knowledge;

/// Days before an event whose lines count: two midnights lie between the events of the longest interval, and the day of the first
/// begins with a rate that was told up to two days before.
const DAYS_BEFORE: i64 = 4;
/// By a clock that was set back, earlier events lie on later days.
const DAYS_AFTER: i64 = 1;

/// The weights of the lines so far, by their days.
#[derive(Debug, Default)]
pub(super) struct Weights(BTreeMap<Date, u64>);

impl Weights {
    /// Adds a line, and gives the weight at it.
    pub(super) fn add(&mut self, rate: &BasalRate) -> u64 {
        let day = rate.day();
        *self.0.entry(day).or_default() += u64::from(knowledge(rate.version));
        self.0.range(less(day, DAYS_BEFORE)..=more(day, DAYS_AFTER)).map(|(_, weight)| weight).sum()
    }
}

/// The knowledge that a sample was made with at this weight. Twice, so that a withdrawal finds room above it.
pub(super) const fn sample_at(weight: u64) -> u64 {
    weight.saturating_mul(2)
}

/// The knowledge that there is no such sample at this weight: what comes later, and weighs nothing here, may have ended it.
pub(super) const fn withdrawal_at(weight: u64) -> u64 {
    sample_at(weight).saturating_add(1)
}
