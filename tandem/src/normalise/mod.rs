//! From events to samples. The samples depend on the set of the events alone: not on their order, nor on how often one was told.
//! What is made from a part of a pump's log, all of it between two points, is right or less than right, and never wrong under
//! another name: a greater part of the log makes the same ids with equal or greater versions. So samples of windows that overlap
//! by [`OVERLAP_HOURS`] are merged by id and greatest version, and come out as from the whole log.

mod basal;
mod bolus;
mod carbohydrates;
mod glucose;
mod happening;
mod maker;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;

use self::maker::Maker;
use crate::event::{Event, EventId};
use crate::sample::Sample;
use crate::time::{Clock, Zone};

/// Windows of a log overlap by so many hours, so that every sample is made from all its events in one of them: the longest bolus
/// and the longest stretch of basal insulin take a day, and sensors deliver readings up to a day late.
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

    /// The samples, by start and id. What the pump's clock says is still to come after `now` is put at `now`, and is provisional.
    #[must_use]
    pub fn samples(&self, now: Option<Timestamp>) -> Vec<Sample> {
        let clock = Clock::new(self.settings.zone.clone(), self.changes.values().chain(self.events.values()));
        let mut maker = Maker { settings: &self.settings, clock: &clock, now, samples: Vec::new() };
        bolus::make(&self.events, &mut maker);
        basal::make(&self.events, &self.changes, &mut maker);
        carbohydrates::make(&self.events, &mut maker);
        glucose::make(&self.events, &mut maker);
        happening::make(&self.events, &mut maker);
        let mut samples = maker.samples;
        samples.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
        samples
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
