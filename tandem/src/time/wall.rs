//! What a pump's display shows: a date and a time of day, without a zone.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, date};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A date and time by the pump's clock, in milliseconds; between the years 2000 and 2199, where no pump's clock leaves off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(DateTime);

/// Where pumps count seconds and days from.
const PUMP_EPOCH: DateTime = date(2008, 1, 1).at(0, 0, 0, 0);
/// The least time that is believed.
const FIRST: DateTime = date(2000, 1, 1).at(0, 0, 0, 0);
/// The first time that is not.
const END: DateTime = date(2200, 1, 1).at(0, 0, 0, 0);

impl WallTime {
    /// A date and time; `None` outside of what is believed.
    #[must_use]
    pub fn new(time: DateTime) -> Option<Self> {
        (FIRST <= time && time < END).then_some(Self(time))
    }

    /// Seconds since 2008-01-01T00:00:00 by the pump's clock, as records count them: up to the year 2144.
    #[must_use]
    pub fn from_pump_seconds(seconds: u32) -> Self {
        Self(PUMP_EPOCH.saturating_add(SignedDuration::from_secs(i64::from(seconds))))
    }

    /// The reverse, without parts of a second; `None` for what records have no number for.
    #[must_use]
    pub fn pump_seconds(self) -> Option<u32> {
        u32::try_from(self.millis().div_euclid(1000)).ok()
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS` with or without parts of a second. A `Z` at the end is passed over: the service writes it
    /// behind times that are not UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        if text.contains('[') || text.len() < 16 {
            return None;
        }
        let time: DateTime = text.parse().ok()?;
        // An offset would say something that the pump does not know.
        let time_of_day = text.get(11..)?;
        if time_of_day.contains(['+', '-']) {
            return None;
        }
        Self::new(time.with().subsec_nanosecond(time.subsec_nanosecond() / 1_000_000 * 1_000_000).build().ok()?)
    }

    /// The date and time.
    #[must_use]
    pub const fn civil(self) -> DateTime {
        self.0
    }

    /// The date.
    #[must_use]
    pub fn date(self) -> Date {
        self.0.date()
    }

    /// Milliseconds since 2008-01-01T00:00:00 by this clock.
    pub(crate) fn millis(self) -> i64 {
        let since = self.0.duration_since(PUMP_EPOCH);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// The reverse, kept within what is believed.
    pub(crate) fn from_millis(millis: i64) -> Self {
        let time = PUMP_EPOCH.saturating_add(SignedDuration::from_millis(millis));
        Self(time.clamp(FIRST, END.saturating_sub(SignedDuration::from_millis(1))))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date and time without a zone"))
    }
}
