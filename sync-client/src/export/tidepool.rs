//! The shape of Tidepool's data model (<https://tidepool.redocly.app/docs/device-data>), as far as a pump's log fills it. Not checked by Tidepool.

use serde_json::{Value, json};
use tidegate_tandem::{BolusPart, Glucose, GlucoseRange, Happening, InsulinBasal, InsulinBolus, Sample, What};
use uuid::Uuid;

use super::moment;

/// What stands in place of a number that the sensor did not have: one beyond what sensors show.
const ABOVE: u16 = 401;
/// The same below.
const BELOW: u16 = 39;

/// A sample; `None` for an event that the model has no type for.
pub(super) fn datum(sample: &Sample, id: Uuid) -> Option<Value> {
    let mut datum = match &sample.what {
        What::InsulinBolus(bolus) => of_bolus(bolus, sample),
        What::InsulinBasal(basal) => of_basal(basal, sample),
        What::Carbohydrates(carbohydrates) => {
            json!({ "type": "food", "nutrition": { "carbohydrate": { "net": carbohydrates.grams, "units": "grams" } } })
        }
        What::Glucose(glucose) => of_glucose(glucose),
        What::Event(happening) => of_event(happening)?,
    };
    let start = &sample.start;
    datum["time"] = moment::utc(start).into();
    datum["deviceTime"] = start.wall.to_string().into();
    datum["timezone"] = start.zone.as_str().into();
    datum["timezoneOffset"] = moment::offset_minutes(start).into();
    datum["deviceId"] = "tidegate".into();
    datum["origin"] = json!({ "id": id, "name": "tidegate", "version": sample.version.to_string() });
    Some(datum)
}

fn of_bolus(bolus: &InsulinBolus, sample: &Sample) -> Value {
    let (units, requested) = (bolus.units.units(), bolus.requested_units.filter(|requested| *requested != bolus.units));
    match bolus.part {
        BolusPart::Normal => {
            let kind = if bolus.automatic == Some(true) { "automated" } else { "normal" };
            let mut datum = json!({ "type": "bolus", "subType": kind, "normal": units });
            if let Some(requested) = requested {
                datum["expectedNormal"] = requested.units().into();
            }
            datum
        }
        BolusPart::Extended => {
            let duration = moment::duration_millis(&sample.start, &sample.end);
            let mut datum = json!({ "type": "bolus", "subType": "square", "extended": units, "duration": duration });
            if let Some(requested) = requested {
                datum["expectedExtended"] = requested.units().into();
            }
            datum
        }
    }
}

fn of_basal(basal: &InsulinBasal, sample: &Sample) -> Value {
    let delivery = match basal.source.as_deref() {
        Some("suspended") => "suspend",
        Some("algorithm" | "temporary-and-algorithm") => "automated",
        Some("temporary") => "temp",
        Some(_) | None => "scheduled",
    };
    let duration = moment::duration_millis(&sample.start, &sample.end);
    let mut datum = json!({ "type": "basal", "deliveryType": delivery, "duration": duration });
    if delivery != "suspend" {
        datum["rate"] = basal.units_per_hour.units().into();
    }
    datum
}

fn of_glucose(glucose: &Glucose) -> Value {
    let kind = if glucose.device == "meter" { "smbg" } else { "cbg" };
    let (value, annotation) = match glucose.range {
        GlucoseRange::Within => (glucose.mg_dl, None),
        GlucoseRange::Above => (Some(glucose.mg_dl.unwrap_or(ABOVE)), Some("high")),
        GlucoseRange::Below => (Some(glucose.mg_dl.unwrap_or(BELOW)), Some("low")),
    };
    let mut datum = json!({ "type": kind, "units": "mg/dL", "value": value });
    if let Some(side) = annotation {
        datum["annotations"] = json!([{ "code": "bg/out-of-range", "value": side }]);
    }
    datum
}

fn of_event(happening: &Happening) -> Option<Value> {
    let event = |kind: &str, more: Value| {
        let mut event = json!({ "type": "deviceEvent", "subType": kind });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    };
    Some(match happening.event.as_str() {
        "suspended" => event("status", json!({ "status": "suspended" })),
        "resumed" => event("status", json!({ "status": "resumed" })),
        "cartridge-filled" => event("reservoirChange", json!({})),
        "cannula-filled" => event("prime", json!({ "primeTarget": "cannula", "volume": happening.fields["prime"] })),
        "tubing-filled" => event("prime", json!({ "primeTarget": "tubing", "volume": happening.fields["prime"] })),
        "alarm" | "malfunction" => event("alarm", json!({ "alarmType": "other" })),
        _ => return None,
    })
}
