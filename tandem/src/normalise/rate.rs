//! What events say of the rate of basal insulin: a line for each of them. How long a rate lasted is in no line.

use std::collections::BTreeMap;

use super::maker::{Maker, Name};
use crate::event::bits::BasalChange;
use crate::event::choice::BasalSource;
use crate::event::{Body, Event, EventId};
use crate::line::Said;
use crate::units::{Microunits, MilliunitsPerHour, UnitsPerHour};

/// What an event says of the rate.
pub(super) struct Signal {
    pub(super) said: Said,
    /// As the pump counts it.
    pub(super) rate: Option<Microunits>,
    pub(super) source: Option<BasalSource>,
}

/// Changes of the clock that the service tells of are lines like those among the events: they are the same events.
pub(super) fn make(events: &BTreeMap<EventId, Event>, changes: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    let foreign = changes.values().filter(|change| !events.contains_key(&change.id));
    for event in events.values().chain(foreign) {
        if let Some(signal) = signal(&event.body) {
            maker.push_rate(&Name { event: event.id, part: "basal-rate" }, event, signal);
        }
    }
}

fn signal(body: &Body) -> Option<Signal> {
    let without_rate = |said| Some(Signal { said, rate: None, source: None });
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events says anything of the basal rate")]
    match body {
        Body::BasalDelivery(said) => {
            let MilliunitsPerHour(milliunits) = said.commanded;
            let rate = Some(Microunits(u64::from(milliunits) * 1000));
            Some(Signal { said: Said::Delivered, rate, source: said.source })
        }
        Body::BasalRateChanged(said) => {
            if said.changes.is_some_and(|changes| changes.contains(BasalChange::Shutdown)) {
                return without_rate(Said::Unknown);
            }
            Some(rate_once(said.commanded))
        }
        Body::NewDay(said) => said.rate.map(rate_once),
        Body::Suspended(_) => {
            Some(Signal { said: Said::Changed, rate: Some(Microunits(0)), source: Some(BasalSource::Suspended) })
        }
        Body::Resumed(_) => without_rate(Said::Unknown),
        Body::TimeChanged(_) | Body::DateChanged(_) => without_rate(Said::Clock),
        _ => None,
    }
}

/// A rate as a float of units per hour, to the thousandth; a negative one, or one that no pump has, is no rate.
fn rate_once(rate: UnitsPerHour) -> Signal {
    match Microunits::from_units(f64::from(rate.0)) {
        Some(rate) => {
            let rate = Some(Microunits((rate.0 + 500) / 1000 * 1000));
            Signal { said: Said::Changed, rate, source: None }
        }
        None => Signal { said: Said::Unknown, rate: None, source: None },
    }
}
