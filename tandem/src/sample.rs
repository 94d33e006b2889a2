//! Samples: what a person, Apple Health or a chart wants to know, made from one or more events. Their JSON is a contract:
//! `docs/tandem.md`, golden files in `fixtures/v1/`.

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::time::Moment;
use crate::units::Microunits;

/// Every version has seven digits, so that texts of versions are in the order of the versions: the union of lines by `id`, which
/// keeps the greatest line, then keeps the greatest version.
const FIRST_VERSION: u32 = 1_000_000;

/// Something that was delivered, eaten, measured, or happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// `pump/group/sequence/part`: the same sample has the same id wherever and however often it is made.
    pub id: String,
    /// A greater one replaces a lesser one of the same id: it was made from more of the pump's log.
    pub version: u32,
    /// When it began.
    pub start: Moment,
    /// When it ended; the same as `start` for what has no duration.
    pub end: Moment,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

impl Sample {
    /// Whether it will be another one when it is read again later: the pump's clock was ahead of the present. Not to be written
    /// anywhere yet.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        self.start.clamped || self.end.clamped
    }

    /// The day that it lies on, by the pump's clock: that on which it ended.
    ///
    /// It ended when the event was that it is named after, and that event never moves. Its start does: a greater version may know
    /// of an earlier one (a bolus whose beginning was not yet known), and by the start the two versions would lie on two days and
    /// both be counted.
    #[must_use]
    pub fn day(&self) -> Date {
        let end = self.end.wall.civil();
        match self.what {
            // Basal insulin is closed at midnight, and what is closed there belongs to the day before.
            What::InsulinBasal(_) => end.saturating_sub(SignedDuration::from_millis(1)).date(),
            What::InsulinBolus(_) | What::Carbohydrates(_) | What::Glucose(_) | What::Event(_) => end.date(),
        }
    }
}

/// The version of what was made with this knowledge. Whoever knows more makes a greater one.
pub(crate) fn version(knowledge: u64, provisional: bool) -> u32 {
    let knowledge = if provisional { 0 } else { knowledge.min(8_999_999) };
    FIRST_VERSION + u32::try_from(knowledge).unwrap_or(0)
}

/// What a version says of the knowledge that it was made with.
pub(crate) const fn knowledge(version: u32) -> u32 {
    version.saturating_sub(FIRST_VERSION)
}

/// What a sample is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// Insulin for a meal or to lower glucose.
    InsulinBolus(InsulinBolus),
    /// Insulin that is delivered all the time, at one rate from `start` to `end`.
    InsulinBasal(InsulinBasal),
    /// Carbohydrates that were told to the pump with a bolus.
    Carbohydrates(Carbohydrates),
    /// Glucose.
    Glucose(Glucose),
    /// Something else that is worth knowing.
    Event(Happening),
}

/// A bolus, or one of the two parts of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InsulinBolus {
    /// Delivered.
    pub units: Microunits,
    /// Asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requested_units: Option<Microunits>,
    /// Which part.
    pub part: BolusPart,
    /// Whether all of it was delivered.
    pub outcome: Outcome,
    /// Whether the pump's algorithm gave it; absent where its request is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub automatic: Option<bool>,
    /// The pump's number of the bolus; it comes back after 65,536 others.
    pub bolus_id: u16,
}

/// A part of a bolus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BolusPart {
    /// At once.
    Normal,
    /// Over time.
    Extended,
}

/// How delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it was delivered.
    Completed,
    /// It was stopped when some of it had been delivered.
    Partial,
    /// It was stopped before anything was delivered.
    Cancelled,
}

/// Basal insulin of one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InsulinBasal {
    /// Delivered from `start` to `end`.
    pub units: Microunits,
    /// The rate, in units per hour.
    pub units_per_hour: Microunits,
    /// What set it, as last told; absent where no event of it said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
}

/// Carbohydrates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carbohydrates {
    /// Grams.
    pub grams: f64,
    /// The pump's number of the bolus that they were told with.
    pub bolus_id: u16,
}

/// A value of glucose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Glucose {
    /// Milligrams per decilitre; absent where the sensor only knew that it is above or below its range.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mg_dl: Option<u16>,
    /// Whether it is in the sensor's range.
    pub range: GlucoseRange,
    /// What measured it: `dexcom-g6`, `dexcom-g7`, `libre-2`, `libre-3`, `meter`.
    pub device: String,
    /// Whether it was missed at first and came later.
    pub backfilled: bool,
    /// Change, in milligrams per decilitre and minute; absent where the sensor could not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mg_dl_per_minute: Option<f64>,
}

/// Where a glucose is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GlucoseRange {
    /// In the sensor's range.
    Within,
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// An event that is shown as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// The event's name.
    pub event: String,
    /// Its fields, named as in the table of events.
    pub fields: serde_json::Value,
}
