//! Lines that say what an earlier event said: of carbohydrates, a second request of the same bolus; of glucose, a reading that was
//! delivered once more. They are no samples. Whichever of two lines becomes known first, the later event's is the one that goes.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::line_name::LineName;
use super::{DayView, Withdrawn, WithdrawnKind};
use crate::sample::{Sample, What};

/// Events of one bolus are no farther apart: then the number is another bolus's. In milliseconds.
const ONE_BOLUS: i64 = 24 * 3_600_000;
/// Two readings of one sensor within this time are one. In milliseconds.
const TWIN: i64 = 60_000;

/// What may be told more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source<'a> {
    Bolus(&'a str, u16),
    Sensor(&'a str, &'a str),
}

/// Where in the log, and at what time in milliseconds, it was told.
type Told = Vec<(u32, i64)>;

pub(super) fn view(day: Date, samples: &[&Sample], view: &mut DayView) {
    let mut told: BTreeMap<Source<'_>, Told> = BTreeMap::new();
    for sample in samples {
        if let Some((source, at)) = told_by(sample) {
            told.entry(source).or_default().push(at);
        }
    }
    for sample in samples.iter().filter(|sample| sample.day() == day) {
        let repeats = told_by(sample).is_some_and(|(source, at)| {
            let told = told.get(&source).map(Vec::as_slice).unwrap_or_default();
            match source {
                Source::Bolus(..) => follows(at, told),
                Source::Sensor(..) => is_backfilled(sample) && has_twin(at, told),
            }
        });
        match withdrawn_kind(sample).filter(|_| repeats) {
            // A line's version leaves room for its withdrawal below what one more change of the clock makes of it.
            Some(kind) => view.withdrawn.push(Withdrawn {
                id: sample.id.clone(),
                version: sample.version.saturating_add(1),
                at: sample.end.utc,
                kind,
            }),
            None => view.samples.push((*sample).clone()),
        }
    }
}

fn told_by(sample: &Sample) -> Option<(Source<'_>, (u32, i64))> {
    let name = LineName::of(&sample.id)?;
    let source = match &sample.what {
        What::Carbohydrates(carbohydrates) => Source::Bolus(name.log, carbohydrates.bolus_id),
        What::Glucose(glucose) => Source::Sensor(name.log, &glucose.device),
        What::InsulinBolus(_) | What::InsulinBasal(_) | What::Event(_) => return None,
    };
    Some((source, (name.sequence, sample.end.utc.as_millisecond())))
}

const fn withdrawn_kind(sample: &Sample) -> Option<WithdrawnKind> {
    match sample.what {
        What::Carbohydrates(_) => Some(WithdrawnKind::Carbohydrates),
        What::Glucose(_) => Some(WithdrawnKind::Glucose),
        What::InsulinBolus(_) | What::InsulinBasal(_) | What::Event(_) => None,
    }
}

const fn is_backfilled(sample: &Sample) -> bool {
    matches!(&sample.what, What::Glucose(glucose) if glucose.backfilled)
}

/// Whether an earlier event told it within the time of a bolus.
fn follows((sequence, at): (u32, i64), told: &[(u32, i64)]) -> bool {
    told.iter().any(|(earlier, before)| *earlier < sequence && (0..=ONE_BOLUS).contains(&(at - before)))
}

/// Whether an earlier event told a reading of the same time.
fn has_twin((sequence, at): (u32, i64), told: &[(u32, i64)]) -> bool {
    told.iter().any(|(earlier, other)| *earlier < sequence && (at - other).abs() <= TWIN)
}
