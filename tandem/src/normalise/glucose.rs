//! Glucose, of sensors and meters. A reading that was missed comes later, at times twice, and at times though it was not missed:
//! each time it is a line. Which of them are no samples is found when they are read.

use std::collections::BTreeMap;

use super::maker::{Maker, Name};
use crate::event::bits::{ReadingKind, ReadingKinds};
use crate::event::choice::{GlucoseEntry, GlucoseStatus};
use crate::event::{Body, Event, EventId};
use crate::sample::{Glucose, GlucoseRange, What};
use crate::time::{Reading, WallTime};
use crate::units::{MgDl, PumpSeconds, Trend};

/// A sensor's clock may be so much ahead of the pump's. In milliseconds.
const AHEAD: i64 = 60_000;
/// A reading may come so late, and no later. In milliseconds.
const LATEST: i64 = 26 * 3_600_000;
/// The value of a trend that a sensor cannot tell, in tenths.
const NO_TREND: i16 = 127;
/// Values that sensors and meters can show, in milligrams per decilitre.
const PLAUSIBLE: std::ops::RangeInclusive<u16> = 10..=1000;

/// A sensor's message, whichever sensor it is.
struct Message {
    device: &'static str,
    status: GlucoseStatus,
    kinds: ReadingKinds,
    trend: Option<Trend>,
    valid_state: bool,
    glucose: MgDl,
    measured_at: Option<PumpSeconds>,
}

pub(super) fn make(events: &BTreeMap<EventId, Event>, maker: &mut Maker<'_>) {
    for event in events.values() {
        let reading = maker.reading(event);
        if let Some(message) = message(&event.body) {
            let Some((range, mg_dl)) = value(&message) else { continue };
            let measured = measured(maker, reading, message.measured_at);
            let backfilled = message.kinds.contains(ReadingKind::Backfill);
            let trend = message.trend.filter(|trend| trend.tenths.abs() < NO_TREND);
            let what = Glucose {
                mg_dl,
                range,
                device: message.device.to_owned(),
                backfilled,
                mg_dl_per_minute: trend.map(Trend::mg_dl_per_minute),
            };
            maker.push(&Name { event: event.id, part: "glucose" }, (measured, measured), 1, What::Glucose(what));
        } else if let Body::BloodGlucose(entry) = &event.body {
            // What the pump took from its sensor is that sensor's reading once more.
            if entry.entry != Some(GlucoseEntry::Manual) || !PLAUSIBLE.contains(&entry.glucose.0) {
                continue;
            }
            let what = Glucose {
                mg_dl: Some(entry.glucose.0),
                range: GlucoseRange::Within,
                device: "meter".to_owned(),
                backfilled: false,
                mg_dl_per_minute: None,
            };
            maker.push(&Name { event: event.id, part: "glucose" }, (reading, reading), 1, What::Glucose(what));
        }
    }
}

/// The message of an event that is one.
fn message(body: &Body) -> Option<Message> {
    macro_rules! message {
        ($reading:expr, $device:literal, $states:pat) => {{
            let reading = $reading;
            Some(Message {
                device: $device,
                status: reading.status,
                kinds: reading.kinds.unwrap_or_default(),
                trend: reading.trend,
                valid_state: matches!(reading.state, $states),
                glucose: reading.glucose,
                measured_at: reading.measured_at,
            })
        }};
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other of some fifty events is a sensor's message")]
    match body {
        Body::G6Reading(reading) => message!(reading, "dexcom-g6", Some(6 | 7 | 14)),
        Body::G7Reading(reading) => message!(reading, "dexcom-g7", Some(32)),
        Body::Libre2Reading(reading) => message!(reading, "libre-2", Some(100)),
        Body::Libre3Reading(reading) => message!(reading, "libre-3", Some(100)),
        _ => None,
    }
}

/// The value of a message; `None` if it has none that may be shown.
fn value(message: &Message) -> Option<(GlucoseRange, Option<u16>)> {
    let reading = [ReadingKind::FiveMinutes, ReadingKind::OneMinute, ReadingKind::Backfill];
    if !message.valid_state || !reading.iter().any(|kind| message.kinds.contains(*kind)) {
        return None;
    }
    let shown = Some(message.glucose.0).filter(|value| PLAUSIBLE.contains(value));
    match message.status {
        GlucoseStatus::Precise => shown.map(|value| (GlucoseRange::Within, Some(value))),
        GlucoseStatus::High => Some((GlucoseRange::Above, shown)),
        GlucoseStatus::Low => Some((GlucoseRange::Below, shown)),
        GlucoseStatus::Hidden | GlucoseStatus::Other(_) => None,
    }
}

/// When the sensor measured, by the pump's clock as it was when the message came; when it came, if that makes no sense.
fn measured(maker: &Maker<'_>, came: Reading, measured_at: Option<PumpSeconds>) -> Reading {
    let Some(PumpSeconds(seconds)) = measured_at else { return came };
    let measured = maker.clock.at(came, WallTime::from_pump_seconds(seconds));
    if (-AHEAD..=LATEST).contains(&(came.elapsed - measured.elapsed)) { measured } else { came }
}
