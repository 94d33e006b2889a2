//! Carbohydrates: at the request of a bolus (64). The entry of carbohydrates (48) says the same before that, and alone it says that
//! somebody looked at what a bolus would be: it makes none. A request that repeats another is a line too; it is no sample.

use std::collections::BTreeMap;

use super::maker::{Maker, Name};
use crate::event::{Body, Event, EventId};
use crate::sample::{Carbohydrates, What};

pub(super) fn make(events: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    for event in events.values() {
        let Body::BolusRequested1(request) = &event.body else { continue };
        let Some(grams) = request.carbohydrates.filter(|grams| grams.0 > 0.0) else { continue };
        let reading = maker.reading(event);
        let what = Carbohydrates { grams: grams.decimal(), bolus_id: request.bolus.0 };
        maker.push(&Name { event: event.id, part: "carbohydrates" }, (reading, reading), 1, What::Carbohydrates(what));
    }
}
