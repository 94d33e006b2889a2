//! What all rules share: ids, times, amounts.

use jiff::Timestamp;

use super::Settings;
use crate::event::{Event, EventId};
use crate::sample::{Sample, What, version};
use crate::time::{Clock, Reading};
use crate::units::{Microunits, Units};

/// Collects samples.
pub(super) struct Maker<'a> {
    pub(super) settings: &'a Settings,
    pub(super) clock: &'a Clock,
    pub(super) now: Option<Timestamp>,
    pub(super) samples: Vec<Sample>,
}

/// What a sample is named after: the event that completes it, and which of that event's samples it is.
pub(super) struct Name<'a> {
    pub(super) event: EventId,
    pub(super) part: &'a str,
}

impl Maker<'_> {
    /// What the pump's clock showed at an event.
    pub(super) fn reading(&self, event: &Event) -> Reading {
        self.clock.reading(event.id, event.pump_time)
    }

    /// Adds a sample that was made from so many events.
    pub(super) fn push(&mut self, name: &Name<'_>, span: (Reading, Reading), events: u32, what: What) {
        let (start, end) = self.clock.span(span.0, span.1, self.now);
        let version = version(events, start.clamped || end.clamped);
        let Name { event: EventId { group, sequence }, part } = name;
        let id = format!("{}/{group}/{sequence}/{part}", self.settings.pump);
        self.samples.push(Sample { id, version, start, end, what });
    }

    /// An amount of insulin as it is, from what the pump counted.
    pub(super) fn insulin(&self, counted: Units) -> Option<Microunits> {
        Microunits::from_units(counted.decimal()).map(|counted| self.real(counted))
    }

    /// The same.
    pub(super) fn real(&self, counted: Microunits) -> Microunits {
        Microunits(counted.0 * self.settings.concentration.factor())
    }
}
