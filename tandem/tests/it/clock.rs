//! A pump's clock, by hand: what it showed and when that was.

use serde_json::json;
use tidegate_tandem::{Clock, Event, Moment, Resolution, Zone, decode_event};

use crate::json::event;
use crate::log::{Pump, at, later, samples};

const NEW_YORK: &str = "America/New_York";

/// The moment of an event at this time, with these changes known.
fn moment(zone: &str, changes: &[Event], sequence: u32, wall: &str) -> Moment {
    let event = decode_event(&event(28, sequence, wall, &json!({ "alarmId": 1 }))).unwrap();
    let clock = Clock::new(Zone::named(zone).unwrap(), changes);
    clock.moment(clock.reading(event.id, event.pump_time))
}

fn by_zone_alone(wall: &str) -> (String, Resolution) {
    let moment = moment(NEW_YORK, &[], 1, wall);
    (moment.utc.to_string(), moment.resolution)
}

#[test]
fn without_known_changes_the_zones_rules_decide() {
    assert_eq!(by_zone_alone("2026-07-01T12:00:00"), ("2026-07-01T16:00:00Z".into(), Resolution::Unique));
    // 2026-11-01: 01:00 to 02:00 is shown twice; the first is taken.
    assert_eq!(by_zone_alone("2026-11-01T01:30:00"), ("2026-11-01T05:30:00Z".into(), Resolution::AmbiguousFirst));
    assert_eq!(by_zone_alone("2026-11-01T02:00:00"), ("2026-11-01T07:00:00Z".into(), Resolution::Unique));
    // 2026-03-08: 02:00 to 03:00 is skipped; it comes to lie behind.
    assert_eq!(by_zone_alone("2026-03-08T02:30:00"), ("2026-03-08T07:30:00Z".into(), Resolution::Skipped));
}

/// Set up in New York in June, set back for winter at 16:28 on the day that summer ended.
fn through_the_end_of_summer() -> Pump {
    let mut pump = Pump::new(-4 * 3600 - 3 * 365 * 86_400);
    pump.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    pump.set(at("2026-11-01T20:28:00Z"), -5 * 3600);
    pump
}

#[test]
fn a_pump_that_was_not_set_yet_is_still_on_summer_time() {
    let changes = through_the_end_of_summer().events();
    let last = changes.last().unwrap().id.sequence;
    let before = moment(NEW_YORK, &changes, last - 1, "2026-11-01T10:00:00");
    assert_eq!((before.utc.to_string().as_str(), before.resolution), ("2026-11-01T14:00:00Z", Resolution::PumpOffset));
    let after = moment(NEW_YORK, &changes, last + 1, "2026-11-01T16:00:00");
    assert_eq!((after.utc.to_string().as_str(), after.resolution), ("2026-11-01T21:00:00Z", Resolution::Unique));
}

#[test]
fn the_hour_that_comes_twice_is_told_apart_by_the_change() {
    let mut pump = Pump::new(0);
    pump.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    pump.set(at("2026-11-01T06:00:00Z"), -5 * 3600);
    let changes = pump.events();
    let last = changes.last().unwrap().id.sequence;
    let first = moment(NEW_YORK, &changes, last - 1, "2026-11-01T01:30:00");
    let second = moment(NEW_YORK, &changes, last + 1, "2026-11-01T01:30:00");
    assert_eq!((first.utc.to_string().as_str(), first.resolution), ("2026-11-01T05:30:00Z", Resolution::AmbiguousFirst));
    assert_eq!((second.utc.to_string().as_str(), second.resolution), ("2026-11-01T06:30:00Z", Resolution::AmbiguousSecond));
    // The same where that change is the first one that is known.
    let second = moment(NEW_YORK, &changes[changes.len() - 1..], last + 1, "2026-11-01T01:30:00");
    assert_eq!((second.utc.to_string().as_str(), second.resolution), ("2026-11-01T06:30:00Z", Resolution::AmbiguousSecond));
}

#[test]
fn a_journey_over_the_date_line_and_back_is_followed() {
    let mut pump = Pump::new(-4 * 3600 - 3 * 365 * 86_400);
    pump.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    pump.set(at("2026-06-20T18:00:00Z"), 9 * 3600);
    let in_tokyo = pump.write(at("2026-06-21T03:00:00Z"), 28, &json!({ "alarmId": 1 }));
    pump.set(at("2026-07-01T18:00:00Z"), -4 * 3600);
    let back = pump.write(at("2026-07-01T19:00:00Z"), 28, &json!({ "alarmId": 1 }));
    let clock = Clock::new(Zone::named(NEW_YORK).unwrap(), &pump.events());
    let moment = |event: &Event| clock.moment(clock.reading(event.id, event.pump_time));
    assert_eq!(
        (moment(&in_tokyo).utc.to_string().as_str(), moment(&in_tokyo).resolution),
        ("2026-06-21T03:00:00Z", Resolution::PumpOffset)
    );
    assert_eq!(moment(&in_tokyo).wall.to_string(), "2026-06-21T12:00:00");
    assert_eq!((moment(&back).utc.to_string().as_str(), moment(&back).resolution), ("2026-07-01T19:00:00Z", Resolution::Unique));
}

#[test]
fn a_clock_that_ran_slow_and_is_put_right_does_not_move_the_offset() {
    let mut pump = Pump::new(0);
    pump.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    for month in 1..=5 {
        pump.ahead -= 180_000;
        pump.set(later(at("2026-06-01T14:00:00Z"), month * 20 * 86_400), -4 * 3600);
    }
    let last = pump.write(at("2026-10-01T12:00:00Z"), 28, &json!({ "alarmId": 1 }));
    let moment = moment(NEW_YORK, &pump.events(), last.id.sequence, "2026-10-01T08:00:00");
    assert_eq!((moment.utc.to_string().as_str(), moment.resolution), ("2026-10-01T12:00:00Z", Resolution::Unique));
}

#[test]
fn a_clock_that_was_lost_is_set_up_again() {
    let mut pump = Pump::new(0);
    pump.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    // The battery was empty: the clock begins in 2019, at the wrong hour; setting it takes two acts within an hour.
    pump.ahead = -7 * 365 * 86_400_000 - 11 * 3_600_000;
    pump.set(at("2026-09-01T14:00:00Z"), -7 * 3600);
    pump.set(at("2026-09-01T14:30:00Z"), -4 * 3600);
    let last = pump.write(at("2026-09-02T12:00:00Z"), 28, &json!({ "alarmId": 1 }));
    let moment = moment(NEW_YORK, &pump.events(), last.id.sequence, "2026-09-02T08:00:00");
    assert_eq!(moment.utc.to_string(), "2026-09-02T12:00:00Z");
}

#[test]
fn real_time_passes_through_a_change_of_the_clock() {
    let mut pump = through_the_end_of_summer();
    // Insulin over three hours, in the middle of which the clock is set back.
    let mut again = Pump::new(-4 * 3600 - 3 * 365 * 86_400);
    again.set(at("2026-06-01T14:00:00Z"), -4 * 3600);
    again.write(at("2026-11-01T20:00:00Z"), 59, &json!({ "bolusId": 4, "bolexSize": 3.0 }));
    again.set(at("2026-11-01T20:28:00Z"), -5 * 3600);
    again.write(at("2026-11-01T23:00:00Z"), 21, &json!({ "bolusId": 4, "completionStatus": 3, "insulinDelivered": 3.0 }));
    pump.log = again.log;
    let samples = samples(NEW_YORK, pump.events());
    let bolus = samples.iter().find(|sample| sample.id.ends_with("extended-bolus")).unwrap();
    assert_eq!(bolus.start.utc.to_string(), "2026-11-01T20:00:00Z");
    assert_eq!(bolus.end.utc.to_string(), "2026-11-01T23:00:00Z");
    assert_eq!(
        (bolus.start.wall.to_string().as_str(), bolus.end.wall.to_string().as_str()),
        ("2026-11-01T16:00:00", "2026-11-01T18:00:00")
    );
}

#[test]
fn zones_that_do_not_exist_are_named() {
    assert_eq!(Zone::named("Mars/Olympus").unwrap_err().to_string(), "\"Mars/Olympus\" is no time zone of the IANA data");
    assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
}
