//! What all rules share: ids, times, amounts, versions.

use jiff::Timestamp;

use super::Settings;
use super::rate::Signal;
use crate::event::{Event, EventId};
use crate::line::{BasalRate, Line, Said};
use crate::sample::{Sample, What, version};
use crate::time::{Clock, Reading};
use crate::units::{Microunits, Units};

/// No line is made from so many events. What else was learned of a line weighs less than one more change of the clock, which moves
/// all of it.
const CHANGE_WEIGHT: u64 = 8;

/// Collects lines.
pub(super) struct Maker<'a> {
    pub(super) settings: &'a Settings,
    pub(super) clock: &'a Clock,
    pub(super) now: Option<Timestamp>,
    pub(super) lines: Vec<Line>,
}

/// What a line is named after: the event that completes it, and which of that event's lines it is.
pub(super) struct Name<'a> {
    pub(super) event: EventId,
    pub(super) part: &'a str,
}

impl Maker<'_> {
    /// What the pump's clock showed at an event.
    pub(super) fn reading(&self, event: &Event) -> Reading {
        self.clock.reading(event.id, event.pump_time)
    }

    /// Adds a sample of which this much is known.
    pub(super) fn push(&mut self, name: &Name<'_>, span: (Reading, Reading), known: u64, what: What) {
        let (start, end) = self.clock.span(span.0, span.1, self.now);
        let knowledge = self.changes(name) * CHANGE_WEIGHT + known;
        let version = version(knowledge, start.clamped || end.clamped);
        self.lines.push(Line::Sample(Sample { id: self.id(name), version, start, end, what }));
    }

    /// Adds what an event says of the rate of basal insulin.
    pub(super) fn push_rate(&mut self, name: &Name<'_>, event: &Event, signal: Signal) {
        let (before, at) = match (signal.said, self.clock.change(name.event)) {
            (Said::Clock, Some((before, at))) => (Some(before), at),
            // It set nothing.
            (Said::Clock, None) => return,
            (Said::Delivered | Said::Changed | Said::Unknown, _) => (None, self.reading(event)),
        };
        let moment = |reading| self.clock.moment(reading).not_after(self.now);
        let by_zone = self.clock.is_by_zone(at);
        let (before, at) = (before.map(moment), moment(at));
        self.lines.push(Line::Rate(BasalRate {
            id: self.id(name),
            version: version(self.changes(name) + 1, at.clamped),
            at,
            before,
            by_zone,
            said: signal.said,
            units_per_hour: signal.rate.map(|rate| self.real(rate)),
            source: signal.source.map(|source| source.to_string()),
        }));
    }

    fn changes(&self, name: &Name<'_>) -> u64 {
        self.clock.known(name.event) as u64
    }

    fn id(&self, name: &Name<'_>) -> String {
        let Name { event: EventId { group, sequence }, part } = name;
        format!("{}/{group}/{sequence}/{part}", self.settings.pump)
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
