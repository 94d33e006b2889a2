//! Basal insulin: stretches of one rate. A stretch is a sample once it is closed, and is named after the event that closed it, so
//! that it has the same name however little is known of what came before. It is closed by another rate, a suspension or its end,
//! a change of the clock, a hole in the log, or midnight by the pump's clock.

use std::collections::BTreeMap;

use super::maker::{Maker, Name};
use crate::event::bits::BasalChange;
use crate::event::choice::BasalSource;
use crate::event::{Body, Event, EventId};
use crate::sample::{InsulinBasal, What};
use crate::time::{Reading, WallTime};
use crate::units::{Microunits, MilliunitsPerHour, UnitsPerHour};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How long a rate is believed after an event that told it.
#[derive(Debug, Clone, Copy)]
struct Trust {
    /// If the next event comes within this time, the rate held until then.
    bridges: i64,
    /// If not, it held this long.
    holds: i64,
}

/// Of an event that comes about every five minutes (279): two may be missing.
const REPEATED: Trust = Trust { bridges: 15 * MINUTE + 30_000, holds: 5 * MINUTE };
/// Of an event that comes when something changes, or at midnight (3, 11, 90): until the next midnight. After a longer silence
/// nothing is known, and more insulin than was delivered is worse than less.
const ONCE: Trust = Trust { bridges: 25 * HOUR, holds: 0 };

/// What an event says of the rate.
enum Signal {
    /// It is this, in thousandths of a unit per hour.
    Rate { milliunits: u64, source: Option<BasalSource>, trust: Trust },
    /// It may be another one now.
    Unknown,
    /// The clock was set; the rate is the same.
    Clock,
}

/// A stretch that is not closed.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: Reading,
    milliunits: u64,
    source: Option<BasalSource>,
    /// By the clock that nobody sets: when an event last told the rate.
    told: i64,
    trust: Trust,
    /// Events that it is made from.
    events: u32,
}

pub(super) fn make(events: &BTreeMap<EventId, Event>, changes: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    let mut runs: BTreeMap<u32, Run> = BTreeMap::new();
    let mut all: BTreeMap<EventId, &Event> = BTreeMap::new();
    if let (Some((first, _)), Some((last, _))) = (events.first_key_value(), events.last_key_value()) {
        // A change beyond the last event closes nothing: what was told before it is not known.
        all.extend(changes.range(first..=last).map(|(id, event)| (*id, event)));
    }
    all.extend(events.iter().map(|(id, event)| (*id, event)));
    for event in all.into_values() {
        let Some(signal) = signal(&event.body) else { continue };
        let now = maker.reading(event);
        let before = runs.remove(&event.id.group);
        let carried = before.and_then(|run| next_run(maker, event.id, run, now, &signal));
        let begun = carried.or(match signal {
            Signal::Rate { milliunits, source, trust } => {
                Some(Run { start: now, milliunits, source, told: now.elapsed, trust, events: 1 })
            }
            Signal::Unknown | Signal::Clock => None,
        });
        if let Some(run) = begun {
            runs.insert(event.id.group, run);
        }
    }
}

/// Closes what the event closes of a stretch, and gives what goes on from it.
fn next_run(maker: &mut Maker<'_>, event: EventId, run: Run, now: Reading, signal: &Signal) -> Option<Run> {
    if now.elapsed - run.told > run.trust.bridges {
        close(maker, event, run, run.told + run.trust.holds);
        return None;
    }
    match signal {
        Signal::Rate { milliunits, source, trust } if *milliunits == run.milliunits => {
            let rest = close_days(maker, event, run, now.elapsed);
            // The latest word on the source is the one that every part of the log has that knows of the end.
            let source = source.or(rest.source);
            Some(Run { source, told: now.elapsed, trust: *trust, events: rest.events + 1, ..rest })
        }
        Signal::Clock => {
            close(maker, event, run, now.elapsed);
            Some(Run { start: now, events: 1, ..run })
        }
        Signal::Rate { .. } | Signal::Unknown => {
            close(maker, event, run, now.elapsed);
            None
        }
    }
}

/// Closes a stretch at this time.
fn close(maker: &mut Maker<'_>, event: EventId, run: Run, end: i64) {
    let rest = close_days(maker, event, run, end);
    push(maker, event, "basal", rest, maker.clock.after(rest.start, end));
}

/// Closes what lies before each midnight, and gives what lies behind the last one.
fn close_days(maker: &mut Maker<'_>, event: EventId, mut run: Run, end: i64) -> Run {
    while let Some(midnight) = next_midnight(run.start) {
        let midnight = maker.clock.at(run.start, midnight);
        if midnight.elapsed >= end {
            break;
        }
        push(maker, event, &format!("basal-{}", run.start.wall.date()), run, midnight);
        run = Run { start: midnight, ..run };
    }
    run
}

fn next_midnight(reading: Reading) -> Option<WallTime> {
    WallTime::new(reading.wall.date().tomorrow().ok()?.at(0, 0, 0, 0))
}

fn push(maker: &mut Maker<'_>, event: EventId, part: &str, run: Run, end: Reading) {
    let Ok(lasted) = u64::try_from(end.elapsed - run.start.elapsed) else { return };
    if lasted == 0 {
        return;
    }
    // Thousandths of a unit per hour, for milliseconds: 3,600 of their product are a millionth of a unit.
    let units = Microunits((run.milliunits * lasted + 1_800) / 3_600);
    let what = InsulinBasal {
        units: maker.real(units),
        units_per_hour: maker.real(Microunits(run.milliunits * 1000)),
        source: run.source.map(|source| source.to_string()),
    };
    maker.push(&Name { event, part }, (run.start, end), run.events, What::InsulinBasal(what));
}

fn signal(body: &Body) -> Option<Signal> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events says anything of the basal rate")]
    match body {
        Body::BasalDelivery(said) => {
            let MilliunitsPerHour(milliunits) = said.commanded;
            Some(Signal::Rate { milliunits: u64::from(milliunits), source: said.source, trust: REPEATED })
        }
        Body::BasalRateChanged(said) => {
            if said.changes.is_some_and(|changes| changes.contains(BasalChange::Shutdown)) {
                return Some(Signal::Unknown);
            }
            Some(rate_once(said.commanded))
        }
        Body::NewDay(said) => said.rate.map(rate_once),
        Body::Suspended(_) => Some(Signal::Rate { milliunits: 0, source: Some(BasalSource::Suspended), trust: ONCE }),
        Body::Resumed(_) => Some(Signal::Unknown),
        Body::TimeChanged(_) | Body::DateChanged(_) => Some(Signal::Clock),
        _ => None,
    }
}

/// A rate as a float of units per hour; a negative one, or one that no pump has, is no rate.
fn rate_once(rate: UnitsPerHour) -> Signal {
    match Microunits::from_units(f64::from(rate.0)) {
        Some(rate) => Signal::Rate { milliunits: (rate.0 + 500) / 1000, source: None, trust: ONCE },
        None => Signal::Unknown,
    }
}
