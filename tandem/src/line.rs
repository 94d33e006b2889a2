//! Lines: what is kept of a pump's log. A line is made from an event, and says of it what never changes, or what a greater version
//! of it says better. So lines that were gathered from any parts of a log, at any time and by anyone, are united by id and greatest
//! version, and then are those of all parts together. What follows from several events (how long a rate lasted, whether a reading
//! was told before) is in no line: it is found when samples are read ([`crate::view`]).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::sample::Sample;
use crate::time::Moment;
use crate::units::Microunits;

/// A line of a day's record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// What one event says of the rate of basal insulin.
    Rate(BasalRate),
    /// Anything else.
    Sample(Sample),
}

impl Line {
    /// `pump/group/sequence/part`: the same for every version.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Rate(rate) => &rate.id,
            Self::Sample(sample) => &sample.id,
        }
    }

    /// A greater one replaces a lesser one of the same id.
    #[must_use]
    pub const fn version(&self) -> u32 {
        match self {
            Self::Rate(rate) => rate.version,
            Self::Sample(sample) => sample.version,
        }
    }

    /// The day that it lies on, by the pump's clock: the same for every version.
    #[must_use]
    pub fn day(&self) -> Date {
        match self {
            Self::Rate(rate) => rate.day(),
            Self::Sample(sample) => sample.day(),
        }
    }

    /// Whether it will be another one when it is read again later. Not to be written anywhere yet.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        match self {
            Self::Rate(rate) => rate.at.clamped,
            Self::Sample(sample) => sample.is_provisional(),
        }
    }
}

impl From<Sample> for Line {
    fn from(sample: Sample) -> Self {
        Self::Sample(sample)
    }
}

/// What one event says of the rate of basal insulin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "basal-rate")]
pub struct BasalRate {
    /// `pump/group/sequence/basal-rate`.
    pub id: String,
    /// It grows with the changes of the clock that are known before the event.
    pub version: u32,
    /// When the event was; of a change of the clock, by the clock as it was set.
    pub at: Moment,
    /// The same instant by the clock as it was before it was set; only of a change of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Moment>,
    /// Whether the zone's rules alone said when it was: no change of the clock was known before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_zone: bool,
    /// What the event says.
    pub said: Said,
    /// The rate that it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units_per_hour: Option<Microunits>,
    /// What set the rate; absent where the event does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl BasalRate {
    /// The day of the event, by the pump's clock.
    #[must_use]
    pub fn day(&self) -> Date {
        self.at.wall.date()
    }
}

/// What an event says of the rate of basal insulin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It is this: told every five minutes (279).
    Delivered,
    /// It is this from now on (3, 11, 90).
    Changed,
    /// It may be another one now (12, a shutdown).
    Unknown,
    /// The clock was set, and the rate is the same (13, 14).
    Clock,
}
