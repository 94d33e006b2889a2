//! From lines to samples: a day at a time, from the lines of that day and of some days around it. A pure function of the set of the
//! lines, so that whoever has the same lines sees the same samples; nothing that follows from several events is ever stored, and so
//! nothing stored can be made wrong by an event that becomes known later.
//!
//! What was handed over elsewhere can: a stretch of basal insulin across a hole in the log, which later is several. So the view of a
//! day also names what it makes no more ([`Withdrawn`]). Samples and withdrawals of one id have versions, and the greater one was made
//! with more knowledge.

mod basal;
mod line_name;
mod local;
mod repeated;
mod weight;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use self::line_name::LineName;
use crate::line::{BasalRate, Line};
use crate::sample::{Sample, What};

/// So many days before a day decide on its samples, and on their versions: a rate that was told a day before midnight holds into the
/// day; a stretch that ends on the day may be named after an event two days later; and versions count the four days before that event.
pub const CONTEXT_BEFORE: i64 = 5;
/// So many days after a day decide: a rate holds for 25 hours, so the event that ends it lies up to two days later, and by a clock that
/// was set it may show one more.
pub const CONTEXT_AFTER: i64 = 3;

/// What the lines say of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayView {
    /// The samples of the day, by start and id.
    pub samples: Vec<Sample>,
    /// What events of this day stood for, or may have stood for, when less was known.
    pub withdrawn: Vec<Withdrawn>,
}

/// There is no such sample (any more).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Withdrawn {
    /// The id of the sample.
    pub id: String,
    /// Greater than that of any sample of this id that was made with less knowledge.
    pub version: u32,
    /// When the event was that it is named after.
    pub at: Timestamp,
    /// What it would have been a sample of.
    pub kind: WithdrawnKind,
}

/// What a sample was of that is withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WithdrawnKind {
    /// Basal insulin.
    InsulinBasal,
    /// Carbohydrates.
    Carbohydrates,
    /// Glucose.
    Glucose,
}

/// What these lines say of a day. Lines of days that are farther than [`CONTEXT_BEFORE`] and [`CONTEXT_AFTER`] from it are passed over;
/// all that there are of the days between have to be given. `goes_on`: whether there are rates of days behind them. `now` as in
/// [`crate::Normaliser::lines`].
#[must_use]
pub fn view_day<'a>(day: Date, lines: impl IntoIterator<Item = &'a Line>, goes_on: bool, now: Option<Timestamp>) -> DayView {
    let context = less(day, CONTEXT_BEFORE)..=more(day, CONTEXT_AFTER);
    let lines = lines.into_iter().filter(|line| context.contains(&line.day()));
    let (mut rates, mut samples): (Vec<&BasalRate>, Vec<&Sample>) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Rate(rate) => rates.push(rate),
            Line::Sample(sample) => samples.push(sample),
        }
    }
    let mut view = DayView::default();
    repeated::view(day, &samples, &mut view);
    let told: BTreeSet<&str> =
        rates.iter().filter(|rate| rate.day() == day).filter_map(|rate| Some(LineName::of(&rate.id)?.pump)).collect();
    // A stretch that somebody stored as it is stands where nothing better is known.
    view.samples.retain(|sample| !(is_stretch(sample) && LineName::of(&sample.id).is_some_and(|name| told.contains(name.pump))));
    basal::view(day, rates, goes_on, now, &mut view);
    view.samples.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
    view
}

/// The samples of all days of these lines, by start and id.
#[must_use]
pub fn samples_of(lines: &[Line], now: Option<Timestamp>) -> Vec<Sample> {
    let mut sorted: Vec<(Date, &Line)> = lines.iter().map(|line| (line.day(), line)).collect();
    sorted.sort_by_key(|(day, _)| *day);
    let last_rate = lines.iter().filter(|line| matches!(line, Line::Rate(_))).map(Line::day).max();
    let mut samples = Vec::new();
    for day in days_of(sorted.iter().map(|(day, _)| *day)) {
        let from = sorted.partition_point(|(other, _)| *other < less(day, CONTEXT_BEFORE));
        let to = sorted.partition_point(|(other, _)| *other <= more(day, CONTEXT_AFTER));
        let goes_on = last_rate.is_some_and(|last| more(day, CONTEXT_AFTER) < last);
        samples.extend(view_day(day, sorted[from..to].iter().map(|(_, line)| *line), goes_on, now).samples);
    }
    samples.sort_by(|a, b| (a.start.utc, &a.id).cmp(&(b.start.utc, &b.id)));
    samples
}

/// The days that can have samples, of those that have lines: a rate that was told on a day may hold through the next one.
fn days_of(days: impl Iterator<Item = Date>) -> BTreeSet<Date> {
    days.flat_map(|day| [day, more(day, 1)]).collect()
}

const fn is_stretch(sample: &Sample) -> bool {
    matches!(sample.what, What::InsulinBasal(_))
}

fn less(day: Date, days: i64) -> Date {
    day.saturating_sub(days.days())
}

fn more(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}
