//! A decade of transitions in ten zones: the instants of a log are those at which it was written, however late the wearer sets the
//! clock after each transition, and wherever the wearer goes meanwhile.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone};
use proptest::prelude::*;
use serde_json::json;
use tidegate_tandem::{Clock, Resolution, WallTime, Zone, decode_event};

use crate::json::event;
use crate::log::{Pump, at, later};

/// Half an hour (Lord Howe), two hours (Troll), Ramadan (Casablanca), quarters (Chatham, St John's), an end of summer time for
/// good (São Paulo, Tehran), none at all (Kathmandu).
const ZONES: [&str; 10] = [
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Europe/Berlin",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Tehran",
    "Antarctica/Troll",
    "Asia/Kathmandu",
];
const BEGIN: &str = "2015-03-01T12:00:00Z";
const END: &str = "2026-03-01T12:00:00Z";

fn transitions(zone: &TimeZone) -> Vec<Timestamp> {
    let end = at(END);
    zone.following(at(BEGIN)).map(|transition| transition.timestamp()).take_while(|time| *time < end).collect()
}

fn offset(zone: &TimeZone, time: Timestamp) -> i64 {
    i64::from(zone.to_offset(time).seconds())
}

#[test]
fn there_are_transitions_to_test_with() {
    let counts = ZONES.map(|zone| transitions(&TimeZone::get(zone).unwrap()).len());
    println!("transitions: {counts:?}");
    assert!(counts.iter().sum::<usize>() >= 130 && counts[0] == 22 && counts[9] == 0, "{counts:?}");
}

#[test]
fn every_minute_around_every_transition_is_resolved_by_one_rule() {
    for name in ZONES {
        let (zone, rules) = (Zone::named(name).unwrap(), TimeZone::get(name).unwrap());
        let clock = Clock::new(zone, []);
        for transition in transitions(&rules) {
            let shown = rules.to_datetime(transition);
            for minutes in (-200..200).step_by(5) {
                let wall = shown.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap();
                let event = decode_event(&event(28, 1, &wall.to_string(), &json!({ "alarmId": 1 }))).unwrap();
                let moment = clock.moment(clock.reading(event.id, event.pump_time));
                let expected = match rules.to_ambiguous_timestamp(wall).offset() {
                    AmbiguousOffset::Unambiguous { offset } => (offset, Resolution::Unique),
                    AmbiguousOffset::Fold { before, .. } => (before, Resolution::AmbiguousFirst),
                    AmbiguousOffset::Gap { before, .. } => (before, Resolution::Skipped),
                };
                assert_eq!((moment.offset_seconds, moment.resolution), (expected.0.seconds(), expected.1), "{name} {wall}");
                assert_eq!(moment.utc, expected.0.to_timestamp(wall).unwrap());
                // What the zone's clocks show then is what the pump showed, but for what they never show.
                assert_eq!(rules.to_datetime(moment.utc) == wall, moment.resolution != Resolution::Skipped, "{name} {wall}");
            }
        }
    }
}

/// What the wearer does about one transition.
#[derive(Debug, Clone)]
struct Habit {
    /// How long after it the clock is set, in minutes.
    late: i64,
    /// What the clock gained or lost meanwhile, in seconds.
    drift: i64,
    /// A journey this long after it, in hours, to a zone so many hours away, for so many days.
    journey: Option<(i64, i64, i64)>,
}

fn habit() -> impl Strategy<Value = Habit> {
    let journey = proptest::option::weighted(0.3, (200..400_i64, -9..=9_i64, 2..20_i64));
    (0..5_000_i64, -200..=200_i64, journey).prop_map(|(late, drift, journey)| Habit { late, drift, journey })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn instants_are_those_at_which_the_log_was_written(zone in 0..ZONES.len(), habits in proptest::collection::vec(habit(), 40)) {
        let (name, rules) = (ZONES[zone], TimeZone::get(ZONES[zone]).unwrap());
        let mut pump = Pump::new(-2000 * 86_400);
        let begin = at(BEGIN);
        pump.set(begin, offset(&rules, begin));
        let mut times: Vec<Timestamp> = transitions(&rules);
        if times.is_empty() {
            times = (1..10).map(|year| later(begin, year * 31_536_000)).collect();
        }
        for (transition, habit) in times.into_iter().zip(habits) {
            // Casablanca's follow one another within a month; who is still away then misses one.
            if pump.log.last().is_some_and(|(_, last)| later(*last, 10_000) > transition) {
                continue;
            }
            let write = |pump: &mut Pump, time| {
                pump.write(time, 28, &json!({ "alarmId": 1 }));
            };
            for minutes in [-90, -31, -1, 0, 1, 29, 61, 119] {
                if minutes < habit.late {
                    write(&mut pump, later(transition, minutes * 60));
                }
            }
            let set = later(transition, habit.late * 60);
            pump.ahead += habit.drift * 1000;
            pump.set(set, offset(&rules, set));
            for minutes in [0, 1, 30, 59, 61, 2_000] {
                write(&mut pump, later(set, minutes * 60));
            }
            if let Some((hours, away, days)) = habit.journey {
                let leave = later(set, hours * 3600);
                let (home, there) = (pump.ahead / 1000, pump.ahead / 1000 + away * 3600);
                if (-12 * 3600..=14 * 3600).contains(&there) && away != 0 {
                    pump.set(leave, there);
                    write(&mut pump, later(leave, 40_000));
                    pump.set(later(leave, days * 86_400), home);
                    write(&mut pump, later(leave, days * 86_400 + 3_000));
                }
            }
        }
        let clock = Clock::new(Zone::named(name).unwrap(), &pump.events());
        let mut last = Timestamp::MIN;
        for (event, written) in pump.log.iter().skip(2) {
            let moment = clock.moment(clock.reading(event.id, event.pump_time));
            // The clock's own error, and what was put right, are all that may be between.
            let apart = (moment.utc.as_second() - written.as_second()).abs();
            prop_assert!(apart <= 200, "{name} {event:?} {written} {moment:?}");
            prop_assert!(later(moment.utc, 401) >= last, "{name} goes back: {moment:?}");
            last = moment.utc;
        }
    }

    #[test]
    fn any_changes_at_any_times_are_read(changes in proptest::collection::vec((any::<bool>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..20), seconds in any::<u32>()) {
        let wall = |seconds| WallTime::from_pump_seconds(seconds).to_string();
        let events: Vec<_> = (1_u32..).zip(&changes).filter_map(|(sequence, (date, before, after, at))| {
            let (code, properties) = if *date {
                (14, json!({ "datePrior": before, "dateAfter": after }))
            } else {
                (13, json!({ "timePrior": before % 90_000_000, "timeAfter": after % 90_000_000 }))
            };
            decode_event(&event(code, sequence, &wall(*at), &properties)).ok()
        }).collect();
        let clock = Clock::new(Zone::named("Europe/Berlin").unwrap(), &events);
        let shown = decode_event(&event(28, 10, &wall(seconds), &json!({ "alarmId": 1 }))).unwrap();
        let moment = clock.moment(clock.reading(shown.id, shown.pump_time));
        prop_assert_eq!(moment.wall, shown.pump_time);
        prop_assert!(moment.offset_seconds.abs() <= 40 * 3600);
    }
}
