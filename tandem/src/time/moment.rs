//! A moment of a pump's log, with everything that is known about when it was.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::WallTime;
use super::zone::instant;

/// How an instant was found for a time by the pump's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// The zone's clocks show this time once, and the pump's clock was on the zone's time as far as is known.
    Unique,
    /// The zone's clocks show it twice; this is the first.
    AmbiguousFirst,
    /// The zone's clocks show it twice; this is the second, as the pump's clock had been set before.
    AmbiguousSecond,
    /// The zone's clocks skip it; read by the offset that held before.
    Skipped,
    /// The pump's clock was not on the zone's time: not set yet after a change of the zone's, or set to another zone's. Read by
    /// the offset that it had.
    PumpOffset,
}

/// When something was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// By the pump's clock.
    pub wall: WallTime,
    /// The zone's name in the IANA data.
    pub zone: String,
    /// The instant.
    pub utc: Timestamp,
    /// What the wall clock was ahead of UTC, in seconds.
    pub offset_seconds: i32,
    /// How the instant was found.
    pub resolution: Resolution,
    /// The pump's clock said a time that was still to come; `utc` is the present in its place, and will be another one when read
    /// again later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clamped: bool,
}

impl Moment {
    /// The same, not after the present.
    pub(crate) fn not_after(self, now: Option<Timestamp>) -> Self {
        match now {
            Some(now) if self.utc > now => Self { utc: now, clamped: true, ..self },
            Some(_) | None => self,
        }
    }

    /// What the same clock showed at another time, if nothing but its offset is known.
    pub(crate) fn moved_to(&self, wall: WallTime) -> Self {
        let utc = instant(wall, self.offset_seconds);
        Self { wall, zone: self.zone.clone(), utc, clamped: false, ..*self }
    }
}
