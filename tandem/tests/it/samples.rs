//! What samples are made from which events.

use serde_json::{Value, json};
use tidegate_tandem::{
    BolusPart, Concentration, GlucoseRange, InsulinBasal, InsulinBolus, Normaliser, Outcome, Sample, Settings, What,
};

use crate::log::{Pump, at, later, samples, settings};

const ZONE: &str = "Europe/Berlin";

fn pump() -> Pump {
    Pump::new(2 * 3600)
}

fn boluses(samples: &[Sample]) -> Vec<(&Sample, &InsulinBolus)> {
    samples
        .iter()
        .filter_map(|sample| if let What::InsulinBolus(bolus) = &sample.what { Some((sample, bolus)) } else { None })
        .collect()
}

fn basals(samples: &[Sample]) -> Vec<(&Sample, &InsulinBasal)> {
    samples
        .iter()
        .filter_map(|sample| if let What::InsulinBasal(basal) = &sample.what { Some((sample, basal)) } else { None })
        .collect()
}

fn completed(bolus: u32, status: u32, delivered: f64, requested: f64) -> Value {
    json!({ "bolusId": bolus, "completionStatus": status, "iob": 1.0, "insulinDelivered": delivered, "insulinRequested": requested })
}

#[test]
fn both_parts_of_a_combined_bolus_are_samples_and_the_later_part_lasts() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 64, &json!({ "bolusId": 2046, "bolusType": 1, "carbAmount": 60 }));
    pump.write(later(begin, 15), 55, &json!({ "bolusId": 2046, "bolusSize": 2.083 }));
    pump.write(later(begin, 75), 20, &completed(2046, 3, 2.083, 2.083));
    pump.write(later(begin, 76), 59, &json!({ "bolusId": 2046, "bolexSize": 6.247 }));
    pump.write(later(begin, 8_300), 21, &completed(2046, 0, 4.685, 6.247));
    let samples = samples(ZONE, pump.events());
    let [(normal, first), (extended, second)] = boluses(&samples)[..] else { panic!("{samples:?}") };
    assert_eq!((first.part, first.outcome, first.units.units()), (BolusPart::Normal, Outcome::Completed, 2.083));
    assert_eq!((second.part, second.outcome, second.units.units()), (BolusPart::Extended, Outcome::Partial, 4.685));
    assert_eq!((normal.start.utc, normal.end.utc), (later(begin, 15), later(begin, 75)));
    assert_eq!((extended.start.utc, extended.end.utc), (later(begin, 76), later(begin, 8_300)));
    assert_ne!(normal.id, extended.id);
    assert_eq!((first.automatic, second.requested_units.unwrap().units()), (Some(false), 6.247));
}

#[test]
fn a_bolus_that_was_stopped_is_what_was_delivered() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 20, &completed(1, 0, 0.04657, 0.5));
    pump.write(later(begin, 600), 20, &completed(2, 1, 0.0, 3.0));
    pump.write(later(begin, 900), 55, &json!({ "bolusId": 3, "bolusSize": 3.0 }));
    let samples = samples(ZONE, pump.events());
    let told: Vec<_> = boluses(&samples).iter().map(|(_, bolus)| (bolus.outcome, bolus.units.units())).collect();
    assert_eq!(told, [(Outcome::Partial, 0.04657), (Outcome::Cancelled, 0.0)], "the third is under way");
}

#[test]
fn numbers_of_boluses_that_come_back_are_other_boluses() {
    let mut pump = pump();
    let begin = at("2024-05-06T10:00:00Z");
    for years in 0..2 {
        let now = later(begin, years * 31_536_000);
        if years == 0 {
            pump.write(now, 55, &json!({ "bolusId": 7, "bolusSize": 1.0 }));
        }
        pump.write(later(now, 20), 64, &json!({ "bolusId": 7, "bolusType": 2, "carbAmount": 20 }));
        pump.write(later(now, 60), 20, &completed(7, 3, 1.0, 1.0));
    }
    let samples = samples(ZONE, pump.events());
    let boluses = boluses(&samples);
    assert_eq!(boluses.len(), 2);
    assert_ne!(boluses[0].0.id, boluses[1].0.id);
    // The second does not begin where the first did.
    assert_eq!(boluses[1].0.start, boluses[1].0.end);
    assert_eq!(boluses[1].1.automatic, Some(true));
    assert_eq!(samples.iter().filter(|sample| matches!(sample.what, What::Carbohydrates(_))).count(), 2);
}

#[test]
fn carbohydrates_are_told_once_per_bolus_at_its_request() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 48, &json!({ "carbs": 45.0 }));
    pump.write(later(begin, 5), 64, &json!({ "bolusId": 9, "bolusType": 1, "carbAmount": 45 }));
    pump.write(later(begin, 6), 64, &json!({ "bolusId": 9, "bolusType": 1, "carbAmount": 45 }));
    pump.write(later(begin, 90), 64, &json!({ "bolusId": 10, "bolusType": 0, "carbAmount": 0 }));
    let samples = samples(ZONE, pump.events());
    let [Sample { start, what: What::Carbohydrates(eaten), .. }] = &samples[..] else { panic!("{samples:?}") };
    assert_eq!((eaten.grams, eaten.bolus_id, start.utc), (45.0, 9, later(begin, 5)));
}

#[test]
fn equal_rates_are_one_stretch_and_what_is_not_closed_is_none() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    for minute in 0..7 {
        pump.basal(later(begin, minute * 300), 800, 1);
    }
    pump.basal(later(begin, 2_100), 1_200, 3);
    pump.basal(later(begin, 2_400), 1_200, 3);
    let samples = samples(ZONE, pump.events());
    let [(sample, basal)] = basals(&samples)[..] else { panic!("{samples:?}") };
    assert_eq!((sample.start.utc, sample.end.utc), (begin, later(begin, 2_100)));
    // 0.8 U/h for 35 minutes.
    assert_eq!((basal.units_per_hour.units(), basal.units.units(), basal.source.as_deref()), (0.8, 0.466_667, Some("profile")));
}

#[test]
fn suspension_is_a_stretch_without_insulin_and_after_it_the_rate_is_unknown_until_told() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 3, &json!({ "commandedBasalRate": 1.0, "changeType": 1 }));
    pump.write(later(begin, 3_600), 11, &json!({ "suspendReason": 0 }));
    for minutes in 1..6 {
        pump.basal(later(begin, 3_600 + minutes * 300), 0, 0);
    }
    pump.write(later(begin, 5_400), 12, &json!({}));
    pump.write(later(begin, 5_410), 3, &json!({ "commandedBasalRate": 1.0, "changeType": 32 }));
    pump.write(later(begin, 9_010), 3, &json!({ "commandedBasalRate": 0.5, "changeType": 1 }));
    let samples = samples(ZONE, pump.events());
    let told: Vec<_> =
        basals(&samples).iter().map(|(sample, basal)| (sample.start.utc, sample.end.utc, basal.units.units())).collect();
    let (suspended, resumed) = (later(begin, 3_600), later(begin, 5_400));
    let expected = [(begin, suspended, 1.0), (suspended, resumed, 0.0), (later(begin, 5_410), later(begin, 9_010), 1.0)];
    assert_eq!(told, expected);
    assert!(samples.iter().any(|sample| matches!(&sample.what, What::Event(event) if event.event == "resumed")));
}

#[test]
fn a_hole_in_the_log_is_no_insulin() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.basal(begin, 1_200, 1);
    pump.basal(later(begin, 300), 1_200, 1);
    pump.basal(later(begin, 8 * 3600), 600, 1);
    let samples = samples(ZONE, pump.events());
    let [(sample, basal)] = basals(&samples)[..] else { panic!("{samples:?}") };
    // Ten minutes at 1.2 U/h, not eight hours.
    assert_eq!((sample.end.utc, basal.units.units()), (later(begin, 600), 0.2));
}

#[test]
fn days_are_apart_and_add_up() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 3, &json!({ "commandedBasalRate": 1.0 }));
    // 22:00 UTC is midnight on the pump.
    pump.write(at("2026-05-06T22:00:00Z"), 90, &json!({ "commandedBasalRate": 1.0 }));
    pump.write(at("2026-05-07T22:00:00Z"), 90, &json!({ "commandedBasalRate": 1.0 }));
    pump.write(at("2026-05-08T00:00:00Z"), 3, &json!({ "commandedBasalRate": 0.9 }));
    let samples = samples(ZONE, pump.events());
    let told: Vec<_> =
        basals(&samples).iter().map(|(sample, basal)| (sample.start.wall.to_string(), basal.units.units())).collect();
    let days = [("2026-05-06T12:00:00", 12.0), ("2026-05-07T00:00:00", 24.0), ("2026-05-08T00:00:00", 2.0)];
    assert_eq!(told, days.map(|(start, units)| (start.to_owned(), units)));
}

#[test]
fn a_day_of_changing_rates_agrees_with_the_total_that_was_delivered() {
    // A closed loop that changes the rate every five minutes, on a pump that delivers exactly what it says.
    let mut pump = pump();
    let begin = at("2026-05-06T22:00:00Z");
    let (mut delivered, mut rate) = (0_u64, 0_u32);
    for step in 0..=288_i64 {
        let now = later(begin, step * 300);
        if step == 288 {
            pump.write(now, 90, &json!({ "commandedBasalRate": f64::from(rate) / 1000.0 }));
        }
        rate = u32::try_from((step * 7_919 % 13) * 150).unwrap();
        if step < 288 {
            delivered += u64::from(rate) * 300;
        }
        pump.basal(later(now, 0), rate, 3);
    }
    pump.basal(later(begin, 86_700), 1, 3);
    let samples = samples(ZONE, pump.events());
    let day = basals(&samples).into_iter().filter(|(sample, _)| sample.start.wall.date().to_string() == "2026-05-07");
    let total: f64 = day.map(|(_, basal)| basal.units.units()).sum();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let expected = delivered as f64 / 3_600_000.0;
    assert!((total - expected).abs() < 1e-4, "{total} of {expected}");
}

fn reading(value: u16, kinds: &[u8], seconds: u32) -> Value {
    json!({
        "glucoseValueStatus": 0, "cgmDataType": kinds, "rate": -12, "algorithmState": 32, "currentGlucoseDisplayValue": value,
        "egvTimeStamp": seconds,
    })
}

/// Seconds as the pump counts them.
fn pump_seconds(pump: &Pump, time: jiff::Timestamp) -> u32 {
    u32::try_from(time.as_second() + pump.ahead / 1000 - 1_199_145_600).unwrap()
}

#[test]
fn a_reading_that_comes_late_is_taken_once_and_at_the_time_it_was_measured() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    let measured = |minutes: i64| later(begin, minutes * 60 - 3);
    for minutes in [0, 5, 20] {
        let seconds = pump_seconds(&pump, measured(minutes));
        pump.write(later(begin, minutes * 60), 399, &reading(120, &[0], seconds));
    }
    // At 20 minutes the sensor gives what was missed, and one that was not.
    for minutes in [5, 10, 15, 10] {
        let seconds = pump_seconds(&pump, measured(minutes));
        pump.write(later(begin, 1_210), 399, &reading(100, &[1], seconds));
    }
    let samples = samples(ZONE, pump.events());
    let told: Vec<_> = samples
        .iter()
        .filter_map(
            |sample| if let What::Glucose(glucose) = &sample.what { Some((sample.start.utc, glucose.backfilled)) } else { None },
        )
        .collect();
    assert_eq!(
        told,
        [(measured(0), false), (measured(5), false), (measured(10), true), (measured(15), true), (measured(20), false)]
    );
}

#[test]
fn values_out_of_range_are_said_and_invalid_ones_are_not() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    let with = |status: u32, state: u32, kinds: &[u8], value: u32| json!({ "glucoseValueStatus": status, "cgmDataType": kinds, "algorithmState": state, "currentGlucoseDisplayValue": value, "rate": 127 });
    for (index, properties) in [
        with(1, 6, &[0], 0),
        with(2, 14, &[0], 0),
        with(0, 7, &[0], 88),
        with(0, 2, &[0], 88),
        with(0, 6, &[3], 88),
        with(0, 6, &[0], 0),
        with(6, 6, &[0], 88),
    ]
    .iter()
    .enumerate()
    {
        pump.write(later(begin, 300 * i64::try_from(index).unwrap()), 256, properties);
    }
    let samples = samples(ZONE, pump.events());
    let told: Vec<_> = samples
        .iter()
        .map(|sample| {
            if let What::Glucose(glucose) = &sample.what {
                (glucose.range, glucose.mg_dl, glucose.mg_dl_per_minute)
            } else {
                panic!()
            }
        })
        .collect();
    let expected = [(GlucoseRange::Above, None, None), (GlucoseRange::Below, None, None), (GlucoseRange::Within, Some(88), None)];
    assert_eq!(told, expected);
}

#[test]
fn a_meters_value_is_glucose_and_one_taken_from_the_sensor_is_not() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 16, &json!({ "bg": 151, "bgEntryType": 0 }));
    pump.write(later(begin, 60), 16, &json!({ "bg": 151, "bgEntryType": 1 }));
    let samples = samples(ZONE, pump.events());
    let [Sample { what: What::Glucose(glucose), .. }] = &samples[..] else { panic!("{samples:?}") };
    assert_eq!((glucose.mg_dl, glucose.device.as_str()), (Some(151), "meter"));
}

#[test]
fn stronger_insulin_is_more_units() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 20, &completed(1, 3, 1.25, 1.25));
    pump.basal(begin, 800, 1);
    pump.basal(later(begin, 300), 700, 1);
    for (concentration, factor) in [(Concentration::U100, 1.0), (Concentration::U200, 2.0), (Concentration::U500, 5.0)] {
        let mut normaliser = Normaliser::new(Settings { concentration, ..settings(ZONE) });
        normaliser.add(pump.events());
        let samples = normaliser.samples(None);
        assert_eq!(boluses(&samples)[0].1.units.units(), 1.25 * factor);
        assert_eq!(basals(&samples)[0].1.units_per_hour.units(), 0.8 * factor);
    }
}

#[test]
fn what_is_still_to_come_is_put_at_the_present_and_is_provisional() {
    let mut pump = pump();
    let begin = at("2026-05-06T10:00:00Z");
    pump.write(begin, 55, &json!({ "bolusId": 1, "bolusSize": 1.0 }));
    pump.write(later(begin, 60), 20, &completed(1, 3, 1.0, 1.0));
    let mut normaliser = Normaliser::new(settings(ZONE));
    normaliser.add(pump.events());
    let now = later(begin, 30);
    let early = normaliser.samples(Some(now)).remove(0);
    assert_eq!((early.start.utc, early.end.utc, early.is_provisional()), (begin, now, true));
    let later = normaliser.samples(Some(later(begin, 600))).remove(0);
    assert!(!later.is_provisional() && later.version > early.version && later.id == early.id);
    assert_eq!(later, normaliser.samples(None).remove(0));
}

#[test]
fn the_same_event_twice_is_one_and_what_was_understood_is_kept() {
    let mut pump = pump();
    let event = pump.write(at("2026-05-06T10:00:00Z"), 20, &completed(1, 3, 1.0, 1.0));
    let mut unread = event.clone();
    unread.code = 4000;
    unread.body = tidegate_tandem::Body::Unknown(tidegate_tandem::Payload::Record([0; 16]));
    for order in [[&event, &unread, &event], [&unread, &event, &unread]] {
        let samples = samples(ZONE, order.into_iter().cloned());
        assert_eq!(boluses(&samples).len(), 1);
    }
}
