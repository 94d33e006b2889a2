//! Basal insulin: stretches of one rate. A stretch is a sample once it is closed: by another rate, a suspension or its end, a change of
//! the clock, a hole in the log, or midnight by the pump's clock.
//!
//! It is named after the event that closed it; one that a hole closed, after the last event before the hole. Its day follows from
//! that event and part alone. With more of the log known, an event may close another stretch, or none: so every event that closes
//! none withdraws all that it could have closed, at a weight ([`super::weight`]) that only grows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::line_name::LineName;
use super::local::Local;
use super::weight::{Weights, sample_at, withdrawal_at};
use super::{DayView, Withdrawn, WithdrawnKind, less};
use crate::line::{BasalRate, Said};
use crate::sample::{InsulinBasal, Sample, What, version};
use crate::time::{Moment, WallTime};
use crate::units::Microunits;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How long a rate is believed after an event that told it, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Trust {
    /// If the next event comes within this time, the rate held until then.
    bridges: i64,
    /// If not, it held this long.
    holds: i64,
}

/// Of an event that comes about every five minutes (279): two may be missing.
const REPEATED: Trust = Trust { bridges: 15 * MINUTE + 30_000, holds: 5 * MINUTE };
/// Of an event that comes when something changes, or at midnight (3, 11, 90): until the next midnight. After a longer silence
/// nothing is known, and more insulin than was delivered is worse than less.
const ONCE: Trust = Trust { bridges: 25 * HOUR, holds: 0 };

/// A line, and how much was known at it.
#[derive(Debug, Clone, Copy)]
struct Fact<'a> {
    rate: &'a BasalRate,
    log: &'a str,
    sequence: u32,
    weight: u64,
}

/// A stretch that is not closed.
#[derive(Debug, Clone)]
struct Run<'a> {
    start: Moment,
    units_per_hour: Microunits,
    source: Option<&'a str>,
    trust: Trust,
    /// The last event of it, whether or not it told the rate.
    last: Fact<'a>,
    /// How long before that event the rate was told, in milliseconds.
    told_before: i64,
    /// The clock since `start`: a stretch ends where it is set.
    local: Local,
}

/// What a stretch is named after: the event, and which of its stretches it is.
struct Closing<'a> {
    fact: Fact<'a>,
    part: &'static str,
}

const CLOSED: &str = "basal";
const BEFORE_HOLE: &str = "basal-hole";

struct Stretches {
    now: Option<Timestamp>,
    made: Vec<Sample>,
}

/// Adds the stretches of a day, and what its events close no more.
pub(super) fn view(day: Date, rates: Vec<&BasalRate>, goes_on: bool, now: Option<Timestamp>, view: &mut DayView) {
    let mut logs: BTreeMap<&str, Vec<(u32, &BasalRate)>> = BTreeMap::new();
    for rate in rates {
        if let Some(name) = LineName::of(&rate.id) {
            logs.entry(name.log).or_default().push((name.sequence, rate));
        }
    }
    for (log, mut rates) in logs {
        rates.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        let mut weights = Weights::default();
        let facts: Vec<Fact<'_>> =
            rates.into_iter().map(|(sequence, rate)| Fact { rate, log, sequence, weight: weights.add(rate) }).collect();
        let made = stretches(&facts, goes_on, now);
        let ids: BTreeSet<&str> = made.iter().map(|sample| sample.id.as_str()).collect();
        for fact in facts.iter().filter(|fact| fact.rate.day() == day) {
            let gone = closable(*fact).into_iter().filter(|id| !ids.contains(id.as_str()));
            view.withdrawn.extend(gone.map(|id| Withdrawn {
                id,
                version: version(withdrawal_at(fact.weight), fact.rate.at.clamped),
                at: fact.rate.at.utc,
                kind: WithdrawnKind::InsulinBasal,
            }));
        }
        view.samples.extend(made.into_iter().filter(|sample| sample.day() == day));
    }
}

fn stretches(facts: &[Fact<'_>], goes_on: bool, now: Option<Timestamp>) -> Vec<Sample> {
    let mut stretches = Stretches { now, made: Vec::new() };
    let mut run: Option<Run<'_>> = None;
    for fact in facts {
        let carried = run.take().and_then(|run| stretches.next_run(run, *fact));
        run = carried.or_else(|| begin(*fact));
    }
    if let Some(run) = run.filter(|_| goes_on) {
        stretches.close_at_hole(run);
    }
    stretches.made
}

/// The stretch that begins where a rate is told.
fn begin(fact: Fact<'_>) -> Option<Run<'_>> {
    let (trust, units_per_hour) = (trust(fact.rate.said)?, fact.rate.units_per_hour?);
    Some(Run {
        start: fact.rate.at.clone(),
        units_per_hour,
        source: fact.rate.source.as_deref(),
        trust,
        last: fact,
        told_before: 0,
        local: Local::at(fact.rate),
    })
}

const fn trust(said: Said) -> Option<Trust> {
    match said {
        Said::Delivered => Some(REPEATED),
        Said::Changed => Some(ONCE),
        Said::Unknown | Said::Clock => None,
    }
}

impl Stretches {
    /// Closes what an event closes of a stretch, and gives what goes on from it.
    fn next_run<'a>(&mut self, run: Run<'a>, fact: Fact<'a>) -> Option<Run<'a>> {
        // By the clock as it was until then.
        let shown = fact.rate.before.as_ref().unwrap_or(&fact.rate.at).wall.millis();
        let passed = shown - run.last.rate.at.wall.millis();
        let told_before = run.told_before + passed;
        if passed < 0 || told_before > run.trust.bridges {
            // A clock that goes back without having been set was set in a hole.
            self.close_at_hole(run);
            return None;
        }
        let closing = Closing { fact, part: CLOSED };
        match (fact.rate.said, fact.rate.units_per_hour) {
            (Said::Clock, _) => {
                self.close(&closing, &run, shown);
                Some(Run { start: fact.rate.at.clone(), last: fact, told_before, local: Local::at(fact.rate), ..run })
            }
            (Said::Delivered | Said::Changed, Some(told)) if told == run.units_per_hour => {
                let start = self.close_days(&closing, &run, shown);
                let source = fact.rate.source.as_deref().or(run.source);
                let trust = trust(fact.rate.said).unwrap_or(run.trust);
                Some(Run { start, source, trust, last: fact, told_before: 0, local: Local::at(fact.rate), ..run })
            }
            (Said::Delivered | Said::Changed | Said::Unknown, _) => {
                self.close(&closing, &run, shown);
                None
            }
        }
    }

    /// Closes a stretch behind which nothing is known.
    fn close_at_hole(&mut self, run: Run<'_>) {
        let until = run.last.rate.at.wall.millis() - run.told_before + run.trust.holds;
        self.close(&Closing { fact: run.last, part: BEFORE_HOLE }, &run, until);
    }

    /// Closes a stretch when its clock shows this.
    fn close(&mut self, closing: &Closing<'_>, run: &Run<'_>, until: i64) {
        let start = self.close_days(closing, run, until);
        self.push(closing, closing.part.to_owned(), run, start, until);
    }

    /// Closes what lies before each midnight, and gives the beginning of what lies behind the last one.
    fn close_days(&mut self, closing: &Closing<'_>, run: &Run<'_>, until: i64) -> Moment {
        let mut start = run.start.clone();
        while let Some(midnight) = next_midnight(&start).filter(|midnight| *midnight < until) {
            let part = format!("{}-{}", closing.part, start.wall.date());
            self.push(closing, part, run, start, midnight);
            start = run.local.moment(midnight).not_after(self.now);
        }
        start
    }

    fn push(&mut self, closing: &Closing<'_>, part: String, run: &Run<'_>, start: Moment, until: i64) {
        let Ok(lasted) = u64::try_from(until - start.wall.millis()) else { return };
        if lasted == 0 {
            return;
        }
        let mut end = run.local.moment(until);
        end.utc = end.utc.max(start.utc);
        let end = end.not_after(self.now);
        let Fact { log, sequence, weight, .. } = closing.fact;
        let what = InsulinBasal {
            units: delivered(run.units_per_hour, lasted),
            units_per_hour: run.units_per_hour,
            source: run.source.map(str::to_owned),
        };
        self.made.push(Sample {
            id: format!("{log}/{sequence}/{part}"),
            version: version(sample_at(weight), start.clamped || end.clamped),
            start,
            end,
            what: What::InsulinBasal(what),
        });
    }
}

/// What a rate comes to in so many milliseconds, to the nearest millionth of a unit.
fn delivered(Microunits(per_hour): Microunits, lasted: u64) -> Microunits {
    let units = (u128::from(per_hour) * u128::from(lasted) + 1_800_000) / 3_600_000;
    Microunits(u64::try_from(units).unwrap_or(u64::MAX))
}

fn next_midnight(moment: &Moment) -> Option<i64> {
    WallTime::new(moment.wall.date().tomorrow().ok()?.at(0, 0, 0, 0)).map(WallTime::millis)
}

/// The ids of all stretches that an event can close, whatever else is known: up to it, or up to a hole behind it, and the parts of
/// both before a midnight.
fn closable(fact: Fact<'_>) -> BTreeSet<String> {
    let days = [Some(&fact.rate.at), fact.rate.before.as_ref()].into_iter().flatten().map(|moment| moment.wall.date());
    let dates: BTreeSet<Date> = days.flat_map(|day| [day, less(day, 1), less(day, 2)]).collect();
    [CLOSED, BEFORE_HOLE]
        .into_iter()
        .flat_map(|part| dates.iter().map(move |date| format!("{part}-{date}")).chain([part.to_owned()]))
        .map(|part| format!("{}/{}/{part}", fact.log, fact.sequence))
        .collect()
}
