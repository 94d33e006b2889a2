//! From events to lines. They depend on the set of the events alone: not on their order, nor on how often one was told. A greater
//! part of a pump's log makes the same ids with equal or greater versions, and then an equal version says the same (of parts of which neither
//! holds the other, lines of one version may differ: the greater text stands until more is known); so the lines of any
//! parts, read at any time by any device, are merged by id and greatest version, and once all of the log was read in windows that
//! overlap by [`OVERLAP_HOURS`], they are those of the whole log. What each rule must hold for that: a line lies on a day, and has an
//! id, that its event alone decides; what it takes from other events makes its version greater.

mod bolus;
mod carbohydrates;
mod glucose;
mod happening;
mod maker;
mod rate;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;

use self::maker::Maker;
use crate::event::{Event, EventId};
use crate::line::Line;
use crate::sample::Sample;
use crate::time::{Clock, Zone};
use crate::view::samples_of;

/// Windows of a log overlap by so many hours, so that every line is made from all its events in one of them: the longest bolus
/// takes a day.
pub const OVERLAP_HOURS: i64 = 48;

/// What samples are made with, beside events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Tells this pump from others in ids: its serial number or its assignment. Must never change for a pump.
    pub pump: String,
    /// Where the wearer lives.
    pub zone: Zone,
    /// What is in the cartridge.
    pub concentration: Concentration,
}

/// How strong the insulin is. Pumps count as if it were U-100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Concentration {
    /// 100 units a millilitre.
    #[default]
    U100,
    /// 200 units a millilitre.
    U200,
    /// 500 units a millilitre.
    U500,
}

impl Concentration {
    /// Real units for one that the pump counts.
    #[must_use]
    pub const fn factor(self) -> u64 {
        match self {
            Self::U100 => 1,
            Self::U200 => 2,
            Self::U500 => 5,
        }
    }
}

/// Gathers events of one pump and makes samples of them.
#[derive(Debug, Clone)]
pub struct Normaliser {
    settings: Settings,
    events: BTreeMap<EventId, Event>,
    changes: BTreeMap<EventId, Event>,
}

impl Normaliser {
    /// With no events yet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings, events: BTreeMap::new(), changes: BTreeMap::new() }
    }

    /// Adds events; one that is there already is not added again.
    pub fn add(&mut self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| insert(&mut self.events, event));
    }

    /// Adds changes of the pump's clock that are not among the events of this window: the service tells all of a pump's history.
    pub fn add_clock_changes(&mut self, changes: impl IntoIterator<Item = Event>) {
        changes.into_iter().for_each(|change| insert(&mut self.changes, change));
    }

    /// The events, in the pump's order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }

    /// What is to be kept of the events. What the pump's clock says is still to come after `now` is put at `now`, and is provisional.
    #[must_use]
    pub fn lines(&self, now: Option<Timestamp>) -> Vec<Line> {
        let clock = Clock::new(self.settings.zone.clone(), self.changes.values().chain(self.events.values()));
        let mut maker = Maker { settings: &self.settings, clock: &clock, now, lines: Vec::new() };
        bolus::make(&self.events, &mut maker);
        rate::make(&self.events, &self.changes, &mut maker);
        carbohydrates::make(&self.events, &mut maker);
        glucose::make(&self.events, &mut maker);
        happening::make(&self.events, &mut maker);
        maker.lines
    }

    /// The samples that follow from these events alone, by start and id.
    #[must_use]
    pub fn samples(&self, now: Option<Timestamp>) -> Vec<Sample> {
        samples_of(&self.lines(now), now)
    }
}

fn insert(events: &mut BTreeMap<EventId, Event>, event: Event) {
    match events.entry(event.id) {
        Entry::Vacant(vacant) => {
            vacant.insert(event);
        }
        Entry::Occupied(mut there) => {
            let kept = there.get().kept(&event).clone();
            there.insert(kept);
        }
    }
}
