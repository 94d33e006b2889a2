//! A pump's log of any length, the same for the same seed. A day is made when it is asked for: a year needs no memory.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, date};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// Numbers of events that a day has room for.
const EVENTS_A_DAY: u32 = 2_000;
/// Seconds of a day.
const DAY: u32 = 86_400;
/// Where pumps count seconds and days from.
const EPOCH: Date = date(2008, 1, 1);

/// What a pump wrote, by its clock.
#[derive(Debug, Clone)]
pub struct LogPlan {
    /// Which of all logs.
    pub seed: u64,
    /// The first day.
    pub first_day: Date,
    /// How many days.
    pub days: u32,
    /// When the wearer set the clock; at most once a day.
    pub clock_sets: Vec<ClockSet>,
}

/// A change of the clock.
#[derive(Debug, Clone, Copy)]
pub struct ClockSet {
    /// What it showed before.
    pub at: DateTime,
    /// By how many seconds it was set on; back, if negative.
    pub by: i32,
}

/// An event before it has a number: the second of the day that it happened in, its code, its properties.
type Entry = (u32, u32, Value);

impl LogPlan {
    /// A log of so many days, during which nobody sets the clock.
    #[must_use]
    pub const fn new(first_day: Date, days: u32, seed: u64) -> Self {
        Self { seed, first_day, days, clock_sets: Vec::new() }
    }

    /// The same, with a change of the clock.
    #[must_use]
    pub fn and_clock_set(mut self, at: DateTime, by: i32) -> Self {
        self.clock_sets.push(ClockSet { at, by });
        self
    }

    /// The last day.
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.first_day.saturating_add(SignedDuration::from_hours(24 * (i64::from(self.days) - 1)))
    }

    /// The events of a day, as the service says them, in the pump's order; none outside of the log.
    #[must_use]
    pub fn events_of(&self, day: Date, assignment_id: &str) -> Vec<Value> {
        let Some(number) = self.number_of(day) else { return Vec::new() };
        let mut made = Day { number, rng: ChaCha8Rng::seed_from_u64(self.seed ^ (u64::from(number) << 20)), entries: Vec::new() };
        let set = self.clock_sets.iter().find(|set| set.at.date() == day);
        made.fill(day, set);
        let mut entries = made.entries;
        entries.sort_by_key(|(second, _, _)| *second);
        entries
            .into_iter()
            .zip(0_u32..)
            .map(|((second, code, properties), place)| {
                let sequence = (number + 1) * EVENTS_A_DAY + place;
                event(assignment_id, code, sequence, wall(day, second, set), properties)
            })
            .collect()
    }

    /// Every change of the clock, as the service says them.
    #[must_use]
    pub fn clock_changes(&self, assignment_id: &str) -> Vec<Value> {
        let days: Vec<Date> = self.clock_sets.iter().map(|set| set.at.date()).collect();
        let events = days.into_iter().flat_map(|day| self.events_of(day, assignment_id));
        events.filter(|event| matches!(event["eventCode"].as_u64(), Some(13 | 14))).collect()
    }

    fn number_of(&self, day: Date) -> Option<u32> {
        let number = u32::try_from(self.first_day.until(day).ok()?.get_days()).ok()?;
        (number < self.days).then_some(number)
    }
}

fn event(assignment_id: &str, code: u32, sequence: u32, at: DateTime, properties: Value) -> Value {
    json!({
        "deviceAssignmentId": assignment_id,
        "eventCode": code,
        "sequenceGroup": 0,
        "sequenceNumber": sequence,
        "pumpDateTime": at.to_string(),
        "estimatedDateTime": format!("{at}Z"),
        "eventProperties": properties,
    })
}

/// What the clock shows so many seconds after midnight, if it was set on this day: the event of the change has the new time.
fn wall(day: Date, second: u32, set: Option<&ClockSet>) -> DateTime {
    let shown = day.at(0, 0, 0, 0).saturating_add(SignedDuration::from_secs(i64::from(second)));
    match set {
        Some(set) if shown >= set.at => shown.saturating_add(SignedDuration::from_secs(i64::from(set.by))),
        Some(_) | None => shown,
    }
}

fn pump_seconds(at: DateTime) -> i64 {
    at.duration_since(EPOCH.at(0, 0, 0, 0)).as_secs()
}

/// One day in the making.
struct Day {
    number: u32,
    rng: ChaCha8Rng,
    entries: Vec<Entry>,
}

impl Day {
    fn fill(&mut self, day: Date, set: Option<&ClockSet>) {
        // A clock that is set back makes the day longer, one that is set on makes it shorter.
        let length = DAY.saturating_add_signed(-set.map_or(0, |set| set.by));
        self.push(0, 90, json!({ "commandedBasalRate": 0.8, "featuresBitmask": [], "featureBitmaskIndex": [] }));
        self.push(
            6,
            313,
            json!({ "pumpControlState": 3, "usermode": 0, "sensorType": 3, "weightUnit": 0, "weight": 70, "currentTdIpop": 40 }),
        );
        if let Some(set) = set {
            self.set_clock(day, set);
        }
        self.basal(length);
        self.glucose(day, length, set);
        for (meal, hour) in [(0_u32, 7_u32), (1, 12), (2, 19)] {
            let second = hour * 3600 + 60 * self.below(50);
            if second + 3 * 3600 < length {
                self.meal(second, meal);
            }
        }
        if self.number % 3 == 1 {
            self.site_change(17 * 3600);
        }
        if self.number % 4 == 2 {
            let second = 14 * 3600 + self.below(1800);
            self.push(second, 4, json!({ "alertId": 50, "faultLocatorData": 0, "param1": 0, "param2": 866 }));
            self.push(second + 300, 26, json!({ "alertId": 50, "faultLocatorData": 0 }));
        }
        let sleep = |before: u32, after: u32, action: u32| {
            json!({ "currentUserMode": after, "previousUserMode": before, "requestedAction": action, "spareA3": 0, "sleepStartedByGui": 0,
                "activeSleepSchedule": [0], "spareB6": 0, "exerciseStoppedByTimer": 0, "exerciseChoice": 0, "exerciseTime": 0,
                "eatingSoonStoppedByTimer": 0 })
        };
        self.push(6 * 3600, 229, sleep(1, 0, 2));
        self.push(22 * 3600 + 1800, 229, sleep(0, 1, 1));
    }

    fn push(&mut self, second: u32, code: u32, properties: Value) {
        self.entries.push((second, code, properties));
    }

    fn below(&mut self, end: u32) -> u32 {
        self.rng.next_u32() % end
    }

    fn set_clock(&mut self, day: Date, set: &ClockSet) {
        let before = set.at.duration_since(day.at(0, 0, 0, 0)).as_secs();
        let properties =
            json!({ "timePrior": before * 1000, "timeAfter": (before + i64::from(set.by)) * 1000, "rawRtcTime": 1_625_159_578 });
        self.push(u32::try_from(before).unwrap_or(0), 13, properties);
    }

    /// Every five minutes what is delivered now; the loop changes the rate about every half hour, and at times suspends.
    fn basal(&mut self, length: u32) {
        let (mut rate, mut total) = (800, 0.0);
        for second in (240..length).step_by(300) {
            if self.below(6) == 0 {
                rate = [0, 400, 650, 800, 950, 1_200, 1_550][self.below(7) as usize];
            }
            let source = if rate == 800 { 1 } else { 3 };
            let algorithm = if source == 3 { rate } else { 65_535 };
            let properties = json!({ "commandedRateSource": source, "reservedA2": 0, "spareA3": 0, "commandedRate": rate,
                "profileBasalRate": 800, "algorithmRate": algorithm, "tempRate": 65_535 });
            self.push(second, 279, properties);
            total += f64::from(rate) / 12_000.0;
            if second % 3600 == 3540 {
                let total = (total * 1000.0_f64).round() / 1000.0;
                let properties = json!({ "dailyTotalBasal": total, "lastBasalRate": f64::from(rate) / 1000.0, "iob": 1.5,
                    "lipoMv": 3900, "batteryChargeRawPercent": 75, "finalEventForDayOrCharging": 0 });
                self.push(second, 81, properties);
            }
        }
    }

    /// A reading every five minutes; on some days an hour of them comes late, some of it twice.
    fn glucose(&mut self, day: Date, length: u32, set: Option<&ClockSet>) {
        let gap = (self.number % 9 == 4).then_some(14 * 3600..15 * 3600);
        let mut value = 110 + i64::from(self.below(60));
        for second in (2..length).step_by(300) {
            value = (value + i64::from(self.below(17)) - 8).clamp(48, 320);
            let measured = pump_seconds(wall(day, second, set));
            let missed = gap.as_ref().is_some_and(|gap| gap.contains(&second));
            let came = if missed { 15 * 3600 + 30 + (second / 300) % 12 } else { second };
            self.push(came, 399, reading(value, measured, missed));
            if missed && second % 900 == 2 {
                self.push(came + 60, 399, reading(value, measured, true));
            }
        }
        if self.number.is_multiple_of(10) {
            self.push(3 * 3600, 394, json!({ "cgmTimestamp": 3042, "sessionSignature": 72 }));
        }
    }

    /// A bolus for a meal; some of it over two hours now and then.
    fn meal(&mut self, second: u32, meal: u32) {
        let carbohydrates = 20 + self.below(70);
        let bolus = (self.number * 3 + meal) % 65_536;
        let units = f64::from(carbohydrates) / 10.0;
        let is_extended = self.number % 5 == 2 && meal == 2;
        let now = if is_extended { units / 2.0 } else { units };
        self.push(
            second,
            64,
            json!({ "bolusId": bolus, "bolusType": 1, "correctionBolusIncluded": 0, "carbAmount": carbohydrates,
            "bg": 140, "iob": 0.5, "carbRatio": 10_000 }),
        );
        self.push(second, 65, json!({ "bolusId": bolus, "options": u32::from(is_extended), "standardPercent": if is_extended { 50 } else { 100 },
            "duration": if is_extended { 120 } else { 0 }, "spareB6": 0, "isf": 45, "targetBg": 110, "userOverride": 0, "declinedCorrection": 0,
            "selectedIob": 1 }));
        self.push(
            second,
            66,
            json!({ "bolusId": bolus, "spareA2": 0, "foodBolusSize": units, "correctionBolusSize": 0, "totalBolusSize": units }),
        );
        self.push(second + 15, 55, json!({ "bolusId": bolus, "selectedIob": 1, "spareA3": 0, "iob": 0.5, "bolusSize": now }));
        let end = second + 15 + carbohydrates;
        self.push(end, 20, json!({ "bolusId": bolus, "completionStatus": 3, "iob": 0.5 + now, "insulinDelivered": now, "insulinRequested": now }));
        if is_extended {
            self.push(end + 1, 59, json!({ "bolusId": bolus, "selectedIob": 1, "iob": 0.5 + now, "bolexSize": now }));
            self.push(
                end + 7200,
                21,
                json!({ "bolusId": bolus, "completionStatus": 3, "iob": 1.0, "insulinDelivered": now, "insulinRequested": now }),
            );
        }
    }

    fn site_change(&mut self, second: u32) {
        self.push(second, 11, json!({ "preSuspendState": 106, "insulinAmount": 20, "suspendReason": 0, "rpaTimeout": 15 }));
        self.push(second + 120, 33, json!({ "insulinVolume": 180, "v2Volume": 0 }));
        self.push(second + 200, 63, json!({ "primeSize": 12.5, "completionStatus": 3, "position": 631_224 }));
        self.push(second + 260, 61, json!({ "primeSize": 0.3, "completionStatus": 3, "infusionSetType": 0 }));
        self.push(second + 270, 12, json!({ "preResumeState": 100, "insulinAmount": 180 }));
    }
}

fn reading(value: i64, measured: i64, is_late: bool) -> Value {
    json!({ "glucoseValueStatus": 0, "cgmDataType": [u32::from(is_late)], "rate": 3, "algorithmState": 32, "rssi": -60,
        "currentGlucoseDisplayValue": value, "egvTimeStamp": measured, "egvInfoBitmask": [0, 5, 6, 7, 8, 11, 12],
        "interval": 0, "reservedD15": 0 })
}
