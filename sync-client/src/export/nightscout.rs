//! Nightscout: treatments and entries, for its API v3 and v1 (<https://github.com/nightscout/cgm-remote-monitor>).
//!
//! In both each document has an `identifier`, by which API v3, and v1 of versions that know it, tell that it is there already. An older v1 goes by
//! `created_at` and `eventType`: there, parts of a second that no pump tells keep two events of one second apart, the same ones
//! each time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate_tandem::{BolusPart, Glucose, GlucoseRange, Happening, Moment, Sample, What};
use uuid::Uuid;

use super::moment;

/// A version of Nightscout's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// The first one, which every Nightscout has.
    V1,
    /// The one that goes by identifiers.
    V3,
}

/// Where Nightscout keeps a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collection {
    /// Glucose.
    Entries,
    /// Insulin, carbohydrates, events.
    Treatments,
}

impl Collection {
    /// Its name in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Treatments => "treatments",
        }
    }
}

/// A document and where it belongs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Where it belongs.
    pub collection: Collection,
    /// As it is sent.
    pub document: Value,
}

/// Who wrote a document.
const APP: &str = "tidegate";
/// What Nightscout shows as above a sensor's range.
const ABOVE: u16 = 401;
/// The same below it; what is less is an error's number.
const BELOW: u16 = 39;

/// A sample; `None` for what Nightscout has no form for, and for boluses of which nothing was delivered.
pub(super) fn document(sample: &Sample, id: Uuid, api: Api) -> Option<Document> {
    let (collection, mut document) = match &sample.what {
        What::Glucose(glucose) => (Collection::Entries, entry(glucose)?),
        What::InsulinBolus(bolus) => {
            if bolus.units.0 == 0 {
                return None;
            }
            let mut document = match bolus.part {
                BolusPart::Normal => json!({ "eventType": "Bolus", "insulin": bolus.units.units() }),
                BolusPart::Extended => json!({
                    "eventType": "Combo Bolus",
                    "insulin": bolus.units.units(),
                    "duration": moment::duration_minutes(&sample.start, &sample.end),
                }),
            };
            if let Some(automatic) = bolus.automatic {
                document["automatic"] = automatic.into();
            }
            (Collection::Treatments, document)
        }
        What::InsulinBasal(basal) => {
            let rate = basal.units_per_hour.units();
            let duration = moment::duration_minutes(&sample.start, &sample.end);
            let document = json!({ "eventType": "Temp Basal", "duration": duration, "absolute": rate, "rate": rate });
            (Collection::Treatments, document)
        }
        What::Carbohydrates(carbohydrates) => {
            (Collection::Treatments, json!({ "eventType": "Carb Correction", "carbs": carbohydrates.grams }))
        }
        What::Event(happening) => (Collection::Treatments, event(happening)?),
    };
    document["identifier"] = id.to_string().into();
    document["app"] = APP.into();
    document["utcOffset"] = moment::offset_minutes(&sample.start).into();
    add_time(&mut document, collection, sample, api);
    Some(Document { collection, document })
}

fn add_time(document: &mut Value, collection: Collection, sample: &Sample, api: Api) {
    let start = &sample.start;
    match (collection, api) {
        (Collection::Entries, _) => {
            document["date"] = moment::millis(start).into();
            document["dateString"] = moment::utc(start).into();
        }
        (Collection::Treatments, Api::V3) => {
            document["date"] = moment::millis(start).into();
            document["created_at"] = moment::utc(start).into();
            document["device"] = APP.into();
        }
        (Collection::Treatments, Api::V1) => {
            document["created_at"] = told_apart(start, &sample.id).into();
            document["enteredBy"] = APP.into();
        }
    }
}

/// The moment in UTC, its milliseconds those of the event's number in the pump's log: two events of one second get two times, and
/// each the same one whenever it is made.
fn told_apart(start: &Moment, id: &str) -> String {
    let sequence: u32 = id.split('/').rev().nth(1).and_then(|sequence| sequence.parse().ok()).unwrap_or(0);
    let utc = moment::utc(start);
    match utc.split_once('.') {
        Some((second, "000Z")) => format!("{second}.{:03}Z", sequence % 1000),
        Some(_) | None => utc,
    }
}

fn entry(glucose: &Glucose) -> Option<Value> {
    if glucose.device == "meter" {
        return glucose.mg_dl.map(|mg_dl| json!({ "type": "mbg", "mbg": mg_dl, "device": APP }));
    }
    let sgv = match (glucose.mg_dl, glucose.range) {
        (Some(mg_dl), _) => mg_dl,
        (None, GlucoseRange::Above) => ABOVE,
        (None, GlucoseRange::Below) => BELOW,
        (None, GlucoseRange::Within) => return None,
    };
    let mut entry = json!({ "type": "sgv", "sgv": sgv, "device": glucose.device });
    if let Some(trend) = glucose.mg_dl_per_minute {
        entry["direction"] = direction(trend).into();
    }
    Some(entry)
}

/// Nightscout's word for a trend in milligrams per decilitre and minute.
fn direction(trend: f64) -> &'static str {
    match trend {
        ..=-3.0 => "DoubleDown",
        ..=-2.0 => "SingleDown",
        ..=-1.0 => "FortyFiveDown",
        ..1.0 => "Flat",
        ..2.0 => "FortyFiveUp",
        ..3.0 => "SingleUp",
        _ => "DoubleUp",
    }
}

/// An event that Nightscout has a type for.
fn event(happening: &Happening) -> Option<Value> {
    let fields = &happening.fields;
    let kind = match happening.event.as_str() {
        "cannula-filled" => "Site Change",
        "cartridge-filled" => "Insulin Change",
        "suspended" => "Basal Suspension",
        "resumed" => "Basal Resume",
        "g6-session-started" | "g7-session-joined" | "libre-2-session-started" | "libre-3-session-joined" => "Sensor Start",
        "g6-session-stopped" | "g7-session-stopped" | "libre-2-session-stopped" | "libre-3-session-stopped" => "Sensor Stop",
        "mode-changed" => match fields["action"].as_str() {
            Some("start-sleep") => "Sleep",
            Some("start-exercise") => "Exercise",
            Some(_) | None => return None,
        },
        "alarm" | "malfunction" => "Note",
        _ => return None,
    };
    let mut event = json!({ "eventType": kind, "notes": format!("pump: {}", happening.event) });
    if kind == "Exercise"
        && let Some(minutes) = fields["exercise"].as_u64()
    {
        event["duration"] = minutes.into();
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trends_have_their_words() {
        let words = [-3.5, -2.0, -1.2, 0.0, 0.9, 1.0, 2.5, 3.0].map(direction);
        let wanted = ["DoubleDown", "SingleDown", "FortyFiveDown", "Flat", "Flat", "FortyFiveUp", "SingleUp", "DoubleUp"];
        assert_eq!(words, wanted);
    }
}
