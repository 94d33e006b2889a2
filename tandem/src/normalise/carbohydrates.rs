//! Carbohydrates: once per bolus, at its request (64). The entry of carbohydrates (48) says the same before that, and alone it
//! says that somebody looked at what a bolus would be: it makes no sample.

use std::collections::{BTreeMap, HashMap};

use super::bolus::ONE_BOLUS;
use super::maker::{Maker, Name};
use crate::event::{Body, Event, EventId};
use crate::sample::{Carbohydrates, What};
use crate::time::Reading;
use crate::units::BolusId;

pub(super) fn make(events: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    let mut told: HashMap<(u32, BolusId), Reading> = HashMap::new();
    for event in events.values() {
        let Body::BolusRequested1(request) = &event.body else { continue };
        let Some(grams) = request.carbohydrates.filter(|grams| grams.0 > 0.0) else { continue };
        let reading = maker.reading(event);
        let before = told.insert((event.id.group, request.bolus), reading);
        if before.is_some_and(|before| (0..=ONE_BOLUS).contains(&(reading.elapsed - before.elapsed))) {
            continue;
        }
        let what = Carbohydrates { grams: grams.decimal(), bolus_id: request.bolus.0 };
        maker.push(&Name { event: event.id, part: "carbohydrates" }, (reading, reading), 1, What::Carbohydrates(what));
    }
}
