//! A log that is told in any order, in any parts, with overlaps: the samples are those of the whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use proptest::prelude::*;
use serde_json::json;
use tidegate_tandem::{DayView, Event, Line, Normaliser, OVERLAP_HOURS, Sample, What, samples_of, view_day};

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
                bolus += 1;
                for _ in 0..1 + carbs % 2 {
                    pump.write(now, 64, &json!({ "bolusId": bolus, "bolusType": 1, "carbAmount": carbs }));
                }
                pump.write(later(now, 10), 55, &json!({ "bolusId": bolus, "bolusSize": 1.0 }));
                let end = json!({ "bolusId": bolus, "completionStatus": 3, "insulinDelivered": f64::from(*delivered) / 1000.0 });
                pump.write(later(now, 20 + minutes * 60), 20, &end);
            }
            Step::Combined { delivered, minutes } => {
                bolus += 1;
                pump.write(now, 55, &json!({ "bolusId": bolus, "bolusSize": 1.0 }));
                let end = json!({ "bolusId": bolus, "completionStatus": 3, "insulinDelivered": 1.0 });
                pump.write(later(now, 10), 20, &end);
                pump.write(later(now, 20), 59, &json!({ "bolusId": bolus, "bolexSize": 4.0 }));
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
                // Delivered once more though it was not missed.
                missed.push((later(now, 250).as_second() + pump.ahead / 1000 - 1_199_145_600 - 3, 253));
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

fn lines(events: impl IntoIterator<Item = Event>, changes: &[Event]) -> Vec<Line> {
    let mut normaliser = Normaliser::new(settings(ZONE));
    normaliser.add(events);
    normaliser.add_clock_changes(changes.iter().cloned());
    normaliser.lines(None)
}

fn changes_of(events: &[Event]) -> Vec<Event> {
    events.iter().filter(|event| matches!(event.code, 13 | 14)).cloned().collect()
}

/// Lines as records keep them: of each id the greatest line, as text.
#[derive(Debug, Clone, Default, PartialEq)]
struct Kept(BTreeMap<String, (String, Line)>);

impl Kept {
    /// What was known of one is part of what was known of the other: whoever knew more says so by the version.
    fn unite(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.unite_checked(lines, |there, line| there.version() < line.version());
    }

    /// Either may know changes of the clock that the other does not. Of as many each, the greater text stands until more is known.
    fn unite_incomparable(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.unite_checked(lines, |there, line| there.version() <= line.version());
    }

    fn unite_checked(&mut self, lines: impl IntoIterator<Item = Line>, is_in_order: impl Fn(&Line, &Line) -> bool) {
        for line in lines {
            let text = serde_json::to_string(&line).unwrap();
            let there = self.0.entry(line.id().to_owned()).or_insert_with(|| (text.clone(), line.clone()));
            assert_eq!(there.1.day(), line.day(), "a line never moves to another day");
            if there.0 < text {
                assert!(is_in_order(&there.1, &line), "{there:?} {line:?}");
                *there = (text, line);
            }
        }
    }

    fn lines(&self) -> Vec<Line> {
        self.0.values().map(|(_, line)| line.clone()).collect()
    }

    /// Every day as a reader comes to it who holds the days around it alone.
    fn days(&self) -> Vec<DayView> {
        let lines = self.lines();
        let rates: BTreeSet<Date> = lines.iter().filter(|line| matches!(line, Line::Rate(_))).map(Line::day).collect();
        let days: BTreeSet<Date> = lines.iter().flat_map(|line| [line.day(), line.day() + 1.day()]).collect();
        let view = |day: &Date| view_day(*day, &lines, rates.last().is_some_and(|last| *day + 3.days() < *last), None);
        days.iter().map(view).collect()
    }
}

/// A place outside that samples are handed over to, with the versions that it was told: Apple Health and the ledger.
#[derive(Debug, Default)]
struct Outside(BTreeMap<String, (u32, Option<Sample>)>);

impl Outside {
    fn take(&mut self, days: &[DayView]) {
        for day in days {
            for sample in &day.samples {
                let known = self.0.entry(sample.id.clone()).or_default();
                if known.0 < sample.version {
                    *known = (sample.version, Some(sample.clone()));
                }
            }
            for gone in &day.withdrawn {
                if let Some(known) = self.0.get_mut(&gone.id).filter(|known| known.0 < gone.version) {
                    *known = (gone.version, None);
                }
            }
        }
    }

    fn samples(&self) -> BTreeMap<&str, &Sample> {
        self.0.iter().filter_map(|(id, (_, sample))| Some((id.as_str(), sample.as_ref()?))).collect()
    }
}

fn by_id(samples: &[Sample]) -> BTreeMap<&str, &Sample> {
    samples.iter().map(|sample| (sample.id.as_str(), sample)).collect()
}

/// A reading of a log with holes: what one device was told, at one time. Holes are ranges of events.
#[derive(Debug, Clone)]
struct Look {
    device: usize,
    holes: Vec<(prop::sample::Index, usize)>,
    all_changes: bool,
}

impl Look {
    fn events(&self, log: &[Event]) -> Vec<Event> {
        let is_missing = |index: usize| {
            self.holes.iter().any(|(start, length)| {
                let start = start.index(log.len());
                (start..start + length).contains(&index)
            })
        };
        (0..log.len()).filter(|index| !is_missing(*index)).map(|index| log[index].clone()).collect()
    }
}

fn look() -> impl Strategy<Value = Look> {
    let length = prop_oneof![4 => 1..4_usize, 4 => 4..60_usize, 2 => 60..1_500_usize, 1 => 1_500..9_000_usize];
    let holes = prop::collection::vec((any::<prop::sample::Index>(), length), 1..60);
    (0..2_usize, holes, prop::bool::weighted(0.7)).prop_map(|(device, holes, all_changes)| Look { device, holes, all_changes })
}

/// What happens to two devices.
#[derive(Debug, Clone)]
enum Step2 {
    Reads(Look),
    Syncs(usize),
    HandsOver(usize),
}

fn lives() -> impl Strategy<Value = Vec<Step2>> {
    let step = prop_oneof![
        4 => look().prop_map(Step2::Reads),
        2 => (0..2_usize).prop_map(Step2::Syncs),
        3 => (0..2_usize).prop_map(Step2::HandsOver),
    ];
    prop::collection::vec(step, 2..12)
}

fn no_insulin_twice(samples: &[Sample]) -> Result<(), TestCaseError> {
    let mut last: Option<Timestamp> = None;
    for sample in samples {
        prop_assert!(sample.start.utc <= sample.end.utc);
        if matches!(sample.what, What::InsulinBasal(_)) {
            prop_assert!(last.is_none_or(|last| last <= sample.start.utc), "{sample:?}");
            last = Some(sample.end.utc);
        }
    }
    Ok(())
}

/// Basal insulin by day, in millionths of a unit.
fn totals(samples: &[Sample]) -> BTreeMap<Date, u64> {
    let mut totals = BTreeMap::new();
    for sample in samples {
        if let What::InsulinBasal(basal) = &sample.what {
            *totals.entry(sample.day()).or_default() += basal.units.0;
        }
    }
    totals
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn any_order_and_any_parts_give_the_same(steps in days(), seed in any::<u64>()) {
        let events = log(&steps);
        let whole = lines(events.clone(), &[]);
        let mut order: Vec<Event> = events.iter().chain(&events).cloned().collect();
        order.sort_by_key(|event| u64::from(event.id.sequence).wrapping_mul(seed | 1).rotate_left(17));
        let mut normaliser = Normaliser::new(settings(ZONE));
        for part in order.chunks(97) {
            normaliser.add(part.to_vec());
            // Asking in between changes nothing.
            if part[0].id.sequence % 70 == 0 {
                let _ = normaliser.samples(None);
            }
        }
        prop_assert_eq!(normaliser.samples(None), samples_of(&whole, None));
        prop_assert_eq!(normaliser.lines(None), whole);
    }

    #[test]
    fn windows_that_overlap_merge_to_the_whole(steps in days(), widths in proptest::collection::vec(1..30_usize, 30)) {
        let events = log(&steps);
        let changes = changes_of(&events);
        let (mut whole, mut merged) = (Kept::default(), Kept::default());
        whole.unite(lines(events.clone(), &[]));
        // Windows by place in the log, each beginning so much before the end of the one before as windows must overlap.
        let overlap = usize::try_from(OVERLAP_HOURS).unwrap() * 3600 / 300 * 4;
        let mut end = 0;
        for width in widths.into_iter().cycle() {
            let begin = usize::saturating_sub(end, overlap);
            end = (end + width * 100).min(events.len());
            merged.unite(lines(events[begin..end].to_vec(), &changes));
            if end == events.len() {
                break;
            }
        }
        prop_assert_eq!(&merged, &whole);
        // The union of lines, which keeps the greatest line of an id, keeps the greatest version.
        for line in whole.lines() {
            if let Line::Sample(sample) = line {
                let line = |version| serde_json::to_string(&Sample { version, ..sample.clone() }).unwrap();
                prop_assert!(line(sample.version) < line(sample.version + 1));
                prop_assert_eq!(&serde_json::from_str::<Sample>(&line(sample.version)).unwrap(), &sample);
            } else if let Line::Rate(rate) = line {
                prop_assert_eq!(serde_json::from_str::<tidegate_tandem::BasalRate>(&serde_json::to_string(&rate).unwrap()).unwrap(), rate);
            }
        }
    }

    /// The lines of two looks, united, are those of one that saw both: what was seen apart is never counted twice, not even before
    /// anybody has seen all.
    #[test]
    fn what_two_devices_saw_is_what_one_saw_that_saw_both(steps in days(), one in look(), other in look()) {
        let events = log(&steps);
        let changes = changes_of(&events);
        let (first, second) = (one.events(&events), other.events(&events));
        let mut united = Kept::default();
        united.unite(lines(second.clone(), &changes));
        united.unite(lines(first.clone(), &changes));
        let both = lines(first.into_iter().chain(second), &changes);
        let is_not_bolus = |sample: &Sample| !matches!(sample.what, What::InsulinBolus(_));
        let mut seen = samples_of(&united.lines(), None);
        no_insulin_twice(&seen)?;
        let mut expected = samples_of(&both, None);
        // A bolus is one sample, and more or less is known of it; whether it is there, its units and its end are the same.
        prop_assert_eq!(seen.len(), expected.len());
        seen.retain(is_not_bolus);
        expected.retain(is_not_bolus);
        prop_assert_eq!(seen, expected);
    }

    /// Two devices are told of any parts of a log at any times, sync and hand over in any order. Once one of them was told all, both
    /// have exactly the samples of the whole log, and so has what they handed over to.
    #[test]
    fn whatever_becomes_known_late_two_devices_come_to_the_samples_of_the_whole_log(steps in days(), lives in lives(), last in 0..2_usize) {
        let events = log(&steps);
        let mut devices = [Kept::default(), Kept::default()];
        let mut outside = Outside::default();
        for step in lives {
            match step {
                Step2::Reads(look) => {
                    let seen = look.events(&events);
                    // The service tells all changes of the clock that were uploaded; or the hole hides them, too.
                    let changes = if look.all_changes { changes_of(&events) } else { Vec::new() };
                    devices[look.device].unite_incomparable(lines(seen, &changes));
                }
                Step2::Syncs(to) => {
                    let others = devices[1 - to].lines();
                    devices[to].unite_incomparable(others);
                }
                Step2::HandsOver(device) => outside.take(&devices[device].days()),
            }
        }
        devices[last].unite(lines(events.clone(), &[]));
        let others = devices[last].lines();
        devices[1 - last].unite(others);
        let others = devices[1 - last].lines();
        devices[last].unite(others);
        let mut whole = Kept::default();
        whole.unite(lines(events.clone(), &[]));
        prop_assert_eq!(&devices[0], &whole);
        prop_assert_eq!(&devices[1], &whole);
        let expected = samples_of(&whole.lines(), None);
        no_insulin_twice(&expected)?;
        let days = devices[1 - last].days();
        let read: Vec<Sample> = days.iter().flat_map(|day| day.samples.clone()).collect();
        prop_assert_eq!(by_id(&read), by_id(&expected));
        prop_assert_eq!(totals(&read), totals(&expected));
        outside.take(&days);
        prop_assert_eq!(outside.samples(), by_id(&expected));
    }
}

/// A line as anybody may have written one: other members of a family write records, too.
fn foreign_line() -> impl Strategy<Value = Line> {
    let wall = prop_oneof![8 => 0..900_000_i64, 1 => -800_000_000..2_000_000_000_i64];
    let before = prop::option::weighted(0.2, wall.clone());
    let said = prop::sample::select(vec!["delivered", "changed", "unknown", "clock"]);
    let rate = prop_oneof![4 => (0..4_u32).prop_map(f64::from), 1 => Just(99_999.9)];
    (0..3_u32, 0..400_u32, any::<u32>(), wall, before, said, prop::option::weighted(0.9, rate), any::<bool>(), 0..3_usize)
        .prop_map(|(group, sequence, version, wall, before, said, rate, by_zone, zone)| {
            let moment = |seconds: i64| {
                let at = later(at(BEGIN), seconds);
                let zone = ["America/New_York", "Pacific/Chatham", "Nowhere/Land"][zone];
                json!({"wall": jiff::tz::Offset::UTC.to_datetime(at), "zone": zone, "utc": at, "offset_seconds": 3_600,
                    "resolution": "unique"})
            };
            let mut line = json!({
                "kind": "basal-rate", "id": format!("p/{group}/{sequence}/basal-rate"), "version": version, "at": moment(wall),
                "by_zone": by_zone, "said": said,
            });
            if let Some(before) = before {
                line["before"] = moment(before);
            }
            if let Some(rate) = rate {
                line["units_per_hour"] = json!(rate);
            }
            Line::Rate(serde_json::from_value(line).unwrap())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn whatever_stands_in_records_their_samples_have_a_beginning_and_an_end(lines in prop::collection::vec(foreign_line(), 0..120)) {
        // A record has one line of an id.
        let lines: BTreeMap<String, Line> = lines.into_iter().map(|line| (line.id().to_owned(), line)).collect();
        let lines: Vec<Line> = lines.into_values().collect();
        let samples = samples_of(&lines, None);
        for sample in &samples {
            prop_assert!(sample.start.utc <= sample.end.utc && sample.start.wall < sample.end.wall, "{sample:?}");
            prop_assert!((1_000_000..10_000_000).contains(&sample.version), "{sample:?}");
        }
        // Whoever reads them in another order sees the same.
        let reversed: Vec<Line> = lines.iter().rev().cloned().collect();
        prop_assert_eq!(samples_of(&reversed, None).len(), samples.len());
    }
}
