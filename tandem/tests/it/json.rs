//! Answers of the service.

use serde_json::{Value, json};
use tidegate_tandem::{AnswerError, Body, EntryError, Event, Raw, ReadingKind, decode_answer, decode_event};

/// An event as the service would tell it.
pub(crate) fn as_json(event: &Event) -> Value {
    let fields = event.body.raw_fields().into_iter().filter_map(|(slot, raw)| {
        let value = match raw? {
            Raw::Integer(value) => json!(value),
            // The service writes the shortest decimal.
            Raw::Float(value) if value.is_finite() => value.to_string().parse::<f64>().unwrap().into(),
            Raw::Float(_) => return None,
        };
        Some((slot.name.to_owned(), value))
    });
    let time = event.pump_time.to_string();
    json!({
        "deviceAssignmentId": "6a0b2c3d-0000-4000-8000-000000000001",
        "eventCode": event.code,
        "sequenceGroup": event.id.group,
        "sequenceNumber": event.id.sequence,
        "pumpDateTime": time,
        "estimatedDateTime": format!("{time}Z"),
        "eventProperties": fields.collect::<serde_json::Map<_, _>>(),
    })
}

/// An event of the service.
pub(crate) fn event(code: u32, sequence: u32, time: &str, properties: &Value) -> Value {
    json!({ "eventCode": code, "sequenceGroup": 0, "sequenceNumber": sequence, "pumpDateTime": time, "eventProperties": properties })
}

fn decode(code: u32, properties: &Value) -> Event {
    decode_event(&event(code, 1, "2026-05-06T10:00:00", properties)).unwrap()
}

#[test]
fn bits_come_as_their_places() {
    let properties = json!({ "glucoseValueStatus": 0, "cgmDataType": [0, 1], "currentGlucoseDisplayValue": 120, "rate": -39 });
    let Body::G7Reading(reading) = decode(399, &properties).body else { panic!() };
    let kinds = reading.kinds.unwrap();
    assert!(
        kinds.contains(ReadingKind::FiveMinutes) && kinds.contains(ReadingKind::Backfill) && !kinds.contains(ReadingKind::None)
    );
    assert_eq!(reading.trend.unwrap().mg_dl_per_minute(), -3.9);
    // What the answer leaves out is absent.
    assert_eq!((reading.state, reading.measured_at), (None, None));
}

#[test]
fn bits_come_as_a_number_too_and_out_of_place_they_are_unreadable() {
    let with =
        |kinds: Value| decode(399, &json!({ "glucoseValueStatus": 0, "cgmDataType": kinds, "currentGlucoseDisplayValue": 120 }));
    assert_eq!(with(json!(3)).body, with(json!([0, 1])).body);
    for kinds in [json!([8]), json!([-1]), json!(["0"]), json!("0"), json!({}), json!(256), json!(0.5)] {
        assert_eq!(with(kinds.clone()).body.name(), "unread", "{kinds}");
    }
}

#[test]
fn ratios_are_scaled_and_65535_is_absent() {
    let Body::BolusRequested1(request) = decode(64, &json!({ "bolusId": 7, "carbRatio": 6500, "bg": 65535 })).body else {
        panic!()
    };
    assert_eq!(serde_json::to_value(request.carb_ratio).unwrap(), json!(6.5));
    assert_eq!(request.glucose, None);
}

#[test]
fn unknown_codes_and_unknown_properties_are_no_mistake() {
    let unknown = decode(99_999, &json!({ "anything": [1, { "a": null }] }));
    assert_eq!((unknown.code, unknown.body.name()), (99_999, "unknown"));
    assert_eq!(unknown.body.fields(), json!({ "anything": [1, { "a": null }] }));
    let more = decode(28, &json!({ "alarmId": 3, "newInVersion9": "text" }));
    assert_eq!(more.body, decode(28, &json!({ "alarmId": 3 })).body);
}

#[test]
fn a_changed_event_is_unread_and_says_which_field() {
    let Body::Unread { error, .. } = decode(20, &json!({ "bolusId": 7, "completionStatus": 3 })).body else { panic!() };
    assert_eq!(error.to_string(), "`insulinDelivered` is missing");
    let Body::Unread { error, .. } = decode(20, &json!({ "bolusId": "7" })).body else { panic!() };
    assert_eq!(error.to_string(), "`bolusId` has no value that it can have");
}

#[test]
fn entries_that_are_no_events_are_said_and_the_others_kept() {
    let good = event(28, 5, "2026-05-06T10:00:00", &json!({ "alarmId": 3 }));
    let answer = decode_answer(&json!({ "events": [7, good, { "eventCode": 3 }], "clockChanges": [null], "more": 1 })).unwrap();
    assert_eq!(answer.events.len(), 1);
    let reasons: Vec<_> = answer.rejected.iter().map(|rejected| (rejected.index, rejected.reason)).collect();
    let header = EntryError::Header { field: "sequenceNumber" };
    assert_eq!(reasons, [(0, EntryError::NotAnObject), (2, header), (0, EntryError::NotAnObject)]);
}

#[test]
fn a_service_that_changed_is_told_from_one_that_has_nothing() {
    assert!(decode_answer(&json!({ "events": [] })).unwrap().events.is_empty());
    assert_eq!(decode_answer(&json!({ "events": [{ "code": 20 }] })), Err(AnswerError::NoneReadable { entries: 1 }));
    for document in [json!({}), json!(null), json!("events"), json!({ "events": {} })] {
        assert_eq!(decode_answer(&document), Err(AnswerError::Shape), "{document}");
    }
}

#[test]
fn the_time_is_the_pumps_and_the_z_of_the_other_one_is_not_believed() {
    let time = |text: &str| decode_event(&event(28, 1, text, &json!({ "alarmId": 1 }))).map(|event| event.pump_time.to_string());
    assert_eq!(time("2026-03-29T02:30:00").unwrap(), "2026-03-29T02:30:00");
    assert_eq!(time("2026-03-29T02:30:00Z").unwrap(), "2026-03-29T02:30:00");
    assert_eq!(time("2026-03-29T02:30:00.25").unwrap(), "2026-03-29T02:30:00.25");
    for text in [
        "",
        "yesterday",
        "2026-03-29",
        "2026-03-29T02:30:00+02:00",
        "2026-13-29T02:30:00",
        "1970-01-01T00:00:00",
        "9999-01-01T00:00:00",
    ] {
        assert!(time(text).is_err(), "{text}");
    }
}
