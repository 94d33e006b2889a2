//! A log that is told in any order, in any parts, with overlaps: the samples are those of the whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use tidegate_tandem::{Event, Normaliser, OVERLAP_HOURS, Sample};

use crate::log::{Pump, at, later, settings};

const ZONE: &str = "America/New_York";
const BEGIN: &str = "2026-10-20T04:00:00Z";

/// What happens in five minutes.
#[derive(Debug, Clone)]
enum Step {
    Rate(u32),
    Quiet,
    Suspend,
    Resume,
    Bolus { carbs: u32, delivered: u32, minutes: i64 },
    Combined { delivered: u32, minutes: i64 },
    Missed,
    NoLog(i64),
    Clock(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => Just(Step::Quiet),
        12 => (0..4_u32).prop_map(|rate| Step::Rate(rate * 400)),
        1 => Just(Step::Suspend),
        2 => Just(Step::Resume),
        3 => (0..80_u32, 0..9_000_u32, 0..4_i64).prop_map(|(carbs, delivered, minutes)| Step::Bolus { carbs, delivered, minutes }),
        1 => (100..9_000_u32, 10..300_i64).prop_map(|(delivered, minutes)| Step::Combined { delivered, minutes }),
        4 => Just(Step::Missed),
        1 => (1..40_i64).prop_map(Step::NoLog),
        1 => (-6..=6_i64).prop_map(|hours| Step::Clock(hours * 3600)),
    ]
}

/// A log of so many steps, each repeated often enough to fill days.
fn log(steps: &[Step]) -> Vec<Event> {
    const HOME: i64 = -4 * 3600;
    let mut pump = Pump::new(HOME - 900 * 86_400);
    let mut now = at(BEGIN);
    pump.set(later(now, -90_000), HOME);
    let (mut rate, mut bolus, mut silent) = (800, 100_u32, 0);
    let mut missed: Vec<(i64, u32)> = Vec::new();
    for (index, step) in (0_i64..).zip(steps) {
        now = later(at(BEGIN), index * 300);
        silent -= 1;
        let mut reading = true;
        match step {
            Step::Rate(to) => rate = *to,
            Step::Suspend => {
                pump.write(now, 11, &json!({ "suspendReason": 0 }));
                rate = 0;
            }
            Step::Resume => {
                pump.write(now, 12, &json!({}));
                rate = 700;
            }
            Step::Bolus { carbs, delivered, minutes } => {
                bolus = (bolus + 1) % 40;
                pump.write(now, 64, &json!({ "bolusId": bolus, "bolusType": 1, "carbAmount": carbs }));
                pump.write(later(now, 10), 55, &json!({ "bolusId": bolus, "bolusSize": 1.0 }));
                let end = json!({ "bolusId": bolus, "completionStatus": 3, "insulinDelivered": f64::from(*delivered) / 1000.0 });
                pump.write(later(now, 20 + minutes * 60), 20, &end);
            }
            Step::Combined { delivered, minutes } => {
                bolus = (bolus + 1) % 40;
                pump.write(now, 59, &json!({ "bolusId": bolus, "bolexSize": 4.0 }));
                let end = json!({ "bolusId": bolus, "completionStatus": 0, "insulinDelivered": f64::from(*delivered) / 1000.0 });
                // It is written when it ends, in the order of the log: the steps between are quiet ones for this test.
                pump.write(
                    later(now, 30),
                    280,
                    &json!({ "bolusId": bolus, "bolusDeliveryStatus": 1, "deliveredTotal": minutes }),
                );
                pump.write(later(now, 60), 21, &end);
            }
            Step::Missed => {
                missed.push((now.as_second() + pump.ahead / 1000 - 1_199_145_600 - 2, 100));
                reading = false;
            }
            Step::NoLog(steps) => silent = *steps,
            Step::Clock(away) => pump.set(later(now, 200), HOME + away),
            Step::Quiet => {}
        }
        if silent <= 0 {
            pump.basal(later(now, 240), rate, 3);
        }
        if reading {
            write_reading(&mut pump, later(now, 250), &[0], 250 + 3);
            if index % 20 == 0 {
                for (seconds, value) in missed.drain(..) {
                    let properties = json!({
                        "glucoseValueStatus": 0, "cgmDataType": [1], "algorithmState": 32, "currentGlucoseDisplayValue": value,
                        "egvTimeStamp": seconds,
                    });
                    pump.write(later(now, 255), 399, &properties);
                }
            }
        }
    }
    pump.events()
}

fn write_reading(pump: &mut Pump, now: Timestamp, kinds: &[u8], value: u32) {
    let seconds = now.as_second() + pump.ahead / 1000 - 1_199_145_600 - 3;
    let properties = json!({
        "glucoseValueStatus": 0, "cgmDataType": kinds, "algorithmState": 32, "currentGlucoseDisplayValue": value, "egvTimeStamp": seconds,
    });
    pump.write(now, 399, &properties);
}

/// Days of steps from a few that were drawn.
fn days() -> impl Strategy<Value = Vec<Step>> {
    (proptest::collection::vec(step(), 150..400), 4..9_usize)
        .prop_map(|(steps, days)| steps.into_iter().cycle().take(days * 288).collect())
}

fn normalised(events: impl IntoIterator<Item = Event>, changes: &[Event]) -> Vec<Sample> {
    let mut normaliser = Normaliser::new(settings(ZONE));
    normaliser.add(events);
    normaliser.add_clock_changes(changes.iter().cloned());
    normaliser.samples(None)
}

fn changes_of(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| matches!(event.code, 13 | 14)).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn any_order_and_any_parts_give_the_same(steps in days(), seed in any::<u64>()) {
        let events = log(&steps);
        let whole = normalised(events.clone(), &[]);
        let mut order: Vec<Event> = events.iter().chain(&events).cloned().collect();
        order.sort_by_key(|event| u64::from(event.id.sequence).wrapping_mul(seed | 1).rotate_left(17));
        let mut normaliser = Normaliser::new(settings(ZONE));
        for part in order.chunks(97) {
            normaliser.add(part.to_vec());
            // Asking in between changes nothing.
            if part[0].id.sequence % 7 == 0 {
                let _ = normaliser.samples(None);
            }
        }
        prop_assert_eq!(normaliser.samples(None), whole);
    }

    #[test]
    fn windows_that_overlap_merge_to_the_whole(steps in days(), widths in proptest::collection::vec(1..30_usize, 30)) {
        let events = log(&steps);
        let changes = changes_of(&events);
        let whole: BTreeMap<String, Sample> = normalised(events.clone(), &[]).into_iter().map(|sample| (sample.id.clone(), sample)).collect();
        // Windows by place in the log, each beginning so much before the end of the one before as windows must overlap.
        let overlap = usize::try_from(OVERLAP_HOURS).unwrap() * 3600 / 300 * 4;
        let mut merged: BTreeMap<String, Sample> = BTreeMap::new();
        let mut end = 0;
        for width in widths.into_iter().cycle() {
            let begin = usize::saturating_sub(end, overlap);
            end = (end + width * 100).min(events.len());
            for sample in normalised(events[begin..end].to_vec(), &changes) {
                match merged.get(&sample.id) {
                    Some(there) if there.version > sample.version => {}
                    Some(there) if there.version == sample.version => prop_assert_eq!(there, &sample),
                    Some(_) | None => {
                        merged.insert(sample.id.clone(), sample);
                    }
                }
            }
            if end == events.len() {
                break;
            }
        }
        let differs = merged.iter().find(|(id, sample)| whole.get(*id) != Some(sample));
        prop_assert!(differs.is_none(), "{differs:?} {:?}", differs.map(|(id, _)| whole.get(id)));
        prop_assert_eq!(merged.len(), whole.len());
        // The union of lines, which keeps the greatest line of an id, keeps the greatest version.
        for sample in whole.values() {
            let line = |version| serde_json::to_string(&Sample { version, ..sample.clone() }).unwrap();
            prop_assert!(line(sample.version) < line(sample.version + 1));
            prop_assert_eq!(&serde_json::from_str::<Sample>(&line(sample.version)).unwrap(), sample);
        }
    }

    #[test]
    fn insulin_is_never_counted_twice(steps in days()) {
        let mut last: Option<Timestamp> = None;
        for sample in normalised(log(&steps), &[]) {
            prop_assert!(sample.start.utc <= sample.end.utc);
            if sample.id.contains("/basal") {
                prop_assert!(last.is_none_or(|last| last <= sample.start.utc), "{sample:?}");
                last = Some(sample.end.utc);
            }
        }
    }
}
