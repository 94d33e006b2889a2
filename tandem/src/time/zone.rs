//! The zone that a wearer lives in, by its rules in the bundled data of IANA.

use std::fmt;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{Resolution, WallTime};

/// A zone of the IANA data, such as `Europe/Berlin`.
#[derive(Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// No zone of the IANA data has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no time zone of the IANA data")]
pub struct UnknownZone {
    /// The name.
    pub name: String,
}

impl Zone {
    /// The zone of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let rules = TimeZone::get(name).map_err(|_| UnknownZone { name: name.to_owned() })?;
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The offset from UTC at an instant, in seconds.
    pub(super) fn offset_at(&self, instant: Timestamp) -> i32 {
        self.rules.to_offset(instant).seconds()
    }

    /// Whether the wall clock shows this twice, and if so, the first and the second offset in seconds.
    pub(super) fn fold(&self, wall: WallTime) -> Option<(i32, i32)> {
        match self.rules.to_ambiguous_timestamp(wall.civil()).offset() {
            AmbiguousOffset::Fold { before, after } => Some((before.seconds(), after.seconds())),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => None,
        }
    }

    /// The offset by the zone's rules alone: of a time that occurs twice the first, of a time that is skipped the one before the
    /// gap, so that it comes to lie behind it.
    pub(super) fn offset_of(&self, wall: WallTime) -> (i32, Resolution) {
        match self.rules.to_ambiguous_timestamp(wall.civil()).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset.seconds(), Resolution::Unique),
            AmbiguousOffset::Fold { before, .. } => (before.seconds(), Resolution::AmbiguousFirst),
            AmbiguousOffset::Gap { before, .. } => (before.seconds(), Resolution::Skipped),
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name).finish()
    }
}

/// The instant at which a clock of this offset shows this.
pub(super) fn instant(wall: WallTime, offset: i32) -> Timestamp {
    let as_utc = Offset::UTC.to_timestamp(wall.civil()).unwrap_or(Timestamp::MAX);
    as_utc.saturating_sub(SignedDuration::from_secs(i64::from(offset))).unwrap_or(as_utc)
}
