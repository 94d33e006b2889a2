//! Apple's dates: milliseconds since 1970-01-01 UTC. Xcode signs them with fractions of a millisecond.

use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;

const NANOS_PER_MILLI: f64 = 1e6;
/// What a date may be: the years 1970 to 9999. Beyond it an f64 is no date but a mistake.
const RANGE: std::ops::RangeInclusive<f64> = 0.0..=253_402_300_799_999.0;

fn from_millis(millis: f64) -> Result<OffsetDateTime, &'static str> {
    if !RANGE.contains(&millis) {
        return Err("a date must be milliseconds since 1970, up to the year 9999");
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range above fits")]
    let nanos = (millis.trunc() as i128) * 1_000_000 + (millis.fract() * NANOS_PER_MILLI) as i128;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| "the date is out of range")
}

/// Milliseconds since 1970, whole.
pub(crate) fn to_millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The date without its fraction of a millisecond: what a stored document holds, so that what is heard again compares equal to it.
pub(crate) fn whole(at: OffsetDateTime) -> OffsetDateTime {
    at - time::Duration::nanoseconds(i64::from(at.nanosecond() % 1_000_000))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    from_millis(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

pub(crate) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(to_millis(*at))
}

/// The same for dates that may be absent.
pub(crate) mod option {
    use super::{Deserialize, Deserializer, OffsetDateTime, Serializer, from_millis, to_millis};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        let millis = Option::<f64>::deserialize(deserializer)?;
        millis.map(from_millis).transpose().map_err(serde::de::Error::custom)
    }

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_some(&to_millis(*at)),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_millisecond_are_read() {
        let at = from_millis(1_698_148_900_000.25).unwrap();
        assert_eq!(at.unix_timestamp_nanos(), 1_698_148_900_000_250_000);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for millis in [-1.0, f64::NAN, f64::INFINITY, 1e300, 253_402_300_800_000.0] {
            assert!(from_millis(millis).is_err(), "{millis}");
        }
    }
}
