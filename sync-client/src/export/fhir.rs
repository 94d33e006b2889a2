//! FHIR R4: a bundle of Observations (<https://hl7.org/fhir/R4/observation.html>), about a patient of whom it says nothing.
//!
//! Glucose has codes of LOINC, and amounts the units of UCUM. Insulin, carbohydrates and events have codes of Tidegate's own: no code of LOINC
//! says what a pump delivered.

use serde_json::{Value, json};
use tidegate_tandem::{Glucose, GlucoseRange, Happening, InsulinBasal, InsulinBolus, Sample, What};
use uuid::Uuid;

use super::moment;

/// What stands for the patient among samples when it is named.
pub(super) const PATIENT: &str = "patient";

pub(super) const HEAD: &[u8] = b"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n";
pub(super) const TAIL: &[u8] = b"\n]}\n";

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const OWN: &str = "urn:tidegate:sample";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// The entry of the patient: a name that says nothing.
pub(super) fn patient(id: Uuid) -> Value {
    json!({ "fullUrl": url(id), "resource": { "resourceType": "Patient", "id": id } })
}

/// The entry of a sample.
pub(super) fn observation(sample: &Sample, id: Uuid, patient: Uuid) -> Value {
    let mut resource = json!({
        "resourceType": "Observation",
        "id": id,
        "meta": { "versionId": sample.version.to_string() },
        "status": "final",
        "subject": { "reference": url(patient) },
    });
    let start = moment::with_offset(&sample.start);
    if sample.start.utc == sample.end.utc {
        resource["effectiveDateTime"] = start.into();
    } else {
        resource["effectivePeriod"] = json!({ "start": start, "end": moment::with_offset(&sample.end) });
    }
    match &sample.what {
        What::InsulinBolus(bolus) => add_bolus(&mut resource, bolus),
        What::InsulinBasal(basal) => add_basal(&mut resource, basal),
        What::Carbohydrates(carbohydrates) => {
            resource["code"] = own("carbohydrates", "Carbohydrates told to the pump");
            resource["valueQuantity"] = quantity(carbohydrates.grams, "g", "g");
        }
        What::Glucose(glucose) => add_glucose(&mut resource, glucose),
        What::Event(happening) => add_event(&mut resource, happening),
    }
    json!({ "fullUrl": url(id), "resource": resource })
}

fn add_bolus(resource: &mut Value, bolus: &InsulinBolus) {
    resource["code"] = own("insulin-bolus", "Insulin delivered as a bolus");
    resource["valueQuantity"] = insulin(bolus.units.units());
    let mut components = vec![
        json!({ "code": own("part", "Part of the bolus"), "valueString": bolus.part }),
        json!({ "code": own("outcome", "How delivery ended"), "valueString": bolus.outcome }),
    ];
    if let Some(requested) = bolus.requested_units {
        components.push(json!({ "code": own("requested", "Insulin asked for"), "valueQuantity": insulin(requested.units()) }));
    }
    if let Some(automatic) = bolus.automatic {
        components.push(json!({ "code": own("automatic", "Given by the pump's algorithm"), "valueBoolean": automatic }));
    }
    resource["component"] = components.into();
}

fn add_basal(resource: &mut Value, basal: &InsulinBasal) {
    resource["code"] = own("insulin-basal", "Basal insulin delivered at one rate");
    resource["valueQuantity"] = insulin(basal.units.units());
    let rate = quantity(basal.units_per_hour.units(), "IU/h", "[iU]/h");
    let mut components = vec![json!({ "code": own("rate", "Rate"), "valueQuantity": rate })];
    if let Some(source) = basal.source.as_deref().and_then(text) {
        components.push(json!({ "code": own("source", "What set the rate"), "valueString": source }));
    }
    resource["component"] = components.into();
}

fn add_glucose(resource: &mut Value, glucose: &Glucose) {
    let (code, display) = match glucose.device.as_str() {
        "meter" => ("41653-7", "Glucose [Mass/volume] in Capillary blood by Glucometer"),
        _ => ("99504-3", "Glucose [Mass/volume] in Interstitial fluid"),
    };
    resource["code"] = json!({ "coding": [{ "system": LOINC, "code": code, "display": display }] });
    resource["category"] = json!([{
        "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory" }]
    }]);
    if let Some(device) = text(&glucose.device) {
        resource["device"] = json!({ "display": device });
    }
    match glucose.mg_dl {
        Some(mg_dl) => resource["valueQuantity"] = quantity(f64::from(mg_dl), "mg/dL", "mg/dL"),
        None => resource["dataAbsentReason"] = json!({ "coding": [{ "system": ABSENT, "code": "unknown" }] }),
    }
    let off_scale = match glucose.range {
        GlucoseRange::Within => None,
        GlucoseRange::Above => Some((">", "Off scale high")),
        GlucoseRange::Below => Some(("<", "Off scale low")),
    };
    if let Some((code, display)) = off_scale {
        resource["interpretation"] = json!([{ "coding": [{ "system": INTERPRETATION, "code": code, "display": display }] }]);
    }
    if let Some(trend) = glucose.mg_dl_per_minute {
        let change = quantity(trend, "mg/dL/min", "mg/dL/min");
        resource["component"] = json!([{ "code": own("trend", "Change of glucose"), "valueQuantity": change }]);
    }
}

fn add_event(resource: &mut Value, happening: &Happening) {
    resource["code"] = own("event", "Event of an insulin pump");
    match text(&happening.event) {
        Some(event) => resource["valueString"] = event.into(),
        None => resource["dataAbsentReason"] = json!({ "coding": [{ "system": ABSENT, "code": "unknown" }] }),
    }
    if let Some(fields) = text(&happening.fields.to_string()) {
        resource["note"] = json!([{ "text": fields }]);
    }
}

/// A text as FHIR allows it: not empty, and without the characters that its schema refuses.
fn text(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n')).collect();
    (!clean.trim().is_empty()).then_some(clean)
}

fn own(code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": OWN, "code": code, "display": display }], "text": display })
}

fn insulin(units: f64) -> Value {
    quantity(units, "IU", "[iU]")
}

fn quantity(value: f64, unit: &str, code: &str) -> Value {
    json!({ "value": value, "unit": unit, "system": UCUM, "code": code })
}

fn url(id: Uuid) -> String {
    format!("urn:uuid:{id}")
}
