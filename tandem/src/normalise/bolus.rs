//! Boluses. The two parts of a bolus end with an event each (20 and 21), and each event is one sample: named after itself, as the
//! numbers of boluses come back. What is under way is no sample yet.

use std::collections::{BTreeMap, HashMap};

use super::maker::{Maker, Name};
use crate::event::choice::{BolusType, Completion};
use crate::event::table::{BolusCompleted, ExtendedBolusCompleted};
use crate::event::{Body, Event, EventId};
use crate::sample::{BolusPart, InsulinBolus, Outcome, What};
use crate::time::Reading;
use crate::units::{BolusId, Units};

/// Events of one bolus are no farther apart: then the number is another bolus's. In milliseconds.
const ONE_BOLUS: i64 = 24 * 3_600_000;

/// What was last told of the bolus of one number.
#[derive(Default, Clone, Copy)]
struct Told {
    requested: Option<(Reading, Option<BolusType>)>,
    started: Option<Reading>,
    ended: Option<Reading>,
    extended_started: Option<Reading>,
}

/// The end of a part, as both events tell it.
struct End {
    bolus: BolusId,
    completion: Completion,
    delivered: Units,
    requested: Option<Units>,
    part: BolusPart,
}

pub(super) fn make(events: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    let mut told: HashMap<(u32, BolusId), Told> = HashMap::new();
    for event in events.values() {
        let reading = maker.reading(event);
        let Some(bolus) = bolus_of(&event.body) else { continue };
        let told = told.entry((event.id.group, bolus)).or_default();
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events ends a bolus or tells when it began")]
        match &event.body {
            Body::BolusRequested1(request) => told.requested = Some((reading, request.bolus_type)),
            Body::BolusStarted(_) => told.started = Some(reading),
            Body::ExtendedBolusStarted(_) => told.extended_started = Some(reading),
            Body::BolusCompleted(end) => {
                told.ended = Some(reading);
                push(maker, event.id, reading, *told, &End::from(end));
            }
            Body::ExtendedBolusCompleted(end) => push(maker, event.id, reading, *told, &End::from(end)),
            _ => {}
        }
    }
}

/// The bolus that an event ends, or tells the beginning of.
fn bolus_of(body: &Body) -> Option<BolusId> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events ends a bolus or tells when it began")]
    match body {
        Body::BolusRequested1(request) => Some(request.bolus),
        Body::BolusStarted(start) => Some(start.bolus),
        Body::ExtendedBolusStarted(start) => Some(start.bolus),
        Body::BolusCompleted(end) => Some(end.bolus),
        Body::ExtendedBolusCompleted(end) => Some(end.bolus),
        _ => None,
    }
}

fn push(maker: &mut Maker<'_>, id: EventId, end: Reading, told: Told, ended: &End) {
    let Some(units) = maker.insulin(ended.delivered) else { return };
    let requested_units = ended.requested.and_then(|requested| maker.insulin(requested));
    let ours = |start: Option<Reading>| start.filter(|start| of_one_bolus(*start, end));
    // What says when it began, and what has to do where that is not known.
    let (start, instead, part) = match ended.part {
        BolusPart::Normal => (ours(told.started), None, "bolus"),
        BolusPart::Extended => (ours(told.extended_started), ours(told.ended), "extended-bolus"),
    };
    let request = told.requested.filter(|(asked, _)| of_one_bolus(*asked, end));
    let automatic = request.and_then(|(_, kind)| kind).map(|kind| kind == BolusType::Automatic);
    // Started and asked for in the past: the more of this is known, the greater the version. A beginning that only has to do
    // weighs less than the real one, which would not replace it otherwise.
    let began = if start.is_some() { 2 } else { u64::from(instead.is_some()) };
    let known = 1 + began + u64::from(request.is_some());
    let what = InsulinBolus {
        units,
        requested_units,
        part: ended.part,
        outcome: outcome(ended, units.0 == 0),
        automatic,
        bolus_id: ended.bolus.0,
    };
    maker.push(&Name { event: id, part }, (start.or(instead).unwrap_or(end), end), known, What::InsulinBolus(what));
}

fn of_one_bolus(before: Reading, end: Reading) -> bool {
    (0..=ONE_BOLUS).contains(&(end.elapsed - before.elapsed))
}

/// What the pump calls completed is; of what it does not, some may have been delivered.
fn outcome(end: &End, nothing: bool) -> Outcome {
    match end.completion {
        Completion::Completed => Outcome::Completed,
        Completion::UserAborted
        | Completion::Alarm
        | Completion::Malfunction
        | Completion::Rejected
        | Completion::PredictedLow
        | Completion::Other(_) => {
            if nothing {
                Outcome::Cancelled
            } else {
                Outcome::Partial
            }
        }
    }
}

impl From<&BolusCompleted> for End {
    fn from(end: &BolusCompleted) -> Self {
        let BolusCompleted { bolus, completion, delivered, requested, .. } = *end;
        Self { bolus, completion, delivered, requested, part: BolusPart::Normal }
    }
}

impl From<&ExtendedBolusCompleted> for End {
    fn from(end: &ExtendedBolusCompleted) -> Self {
        let ExtendedBolusCompleted { bolus, completion, delivered, requested, .. } = *end;
        Self { bolus, completion, delivered, requested, part: BolusPart::Extended }
    }
}
