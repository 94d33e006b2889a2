//! The hybrid logical clock: 48 bits of milliseconds since 1970, 16 bits of counter.
//!
//! A change's place in time on every device alike. It never runs backwards, follows the store's time where it can, and is
//! always greater than everything seen (Kulkarni et al., "Logical Physical Clocks", 2014).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const COUNTER_BITS: u32 = 16;
const MAX_MILLIS: u64 = (1 << 48) - 1;

/// How far ahead of the store's clock a change may be before it has to wait, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 24 * 60 * 60 * 1000;

/// One point of hybrid time; its text is 16 lower-case hex digits, so that text order is time order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hlc(u64);

/// Text that is not 16 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a timestamp of 16 lower-case hex digits")]
pub struct InvalidHlc(String);

/// The clock has reached its last value (the year 10889); no further change can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the logical clock has reached its last value: a change from the far future was observed")]
pub struct ClockOverflow;

impl ClockOverflow {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "clock-overflow"
    }
}

impl Hlc {
    /// From milliseconds since 1970 (later than 48 bits allow counts as the last one) and a counter.
    #[must_use]
    pub const fn new(millis: u64, counter: u16) -> Self {
        let millis = if millis > MAX_MILLIS { MAX_MILLIS } else { millis };
        Self((millis << COUNTER_BITS) | counter as u64)
    }

    /// From its 64 bits.
    #[must_use]
    pub const fn from_u64(bits: u64) -> Self {
        Self(bits)
    }

    /// Its 64 bits.
    #[must_use]
    pub const fn as_u64(&self) -> u64 {
        self.0
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn millis(&self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// The counter within the millisecond.
    #[must_use]
    pub const fn counter(&self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Whether this is more than 24 hours ahead of the store's clock: such a change waits until it is not, or one device
    /// with a wrong clock would win every conflict for years.
    #[must_use]
    pub const fn is_too_far_ahead(&self, store_now_ms: u64) -> bool {
        self.millis() > store_now_ms.saturating_add(MAX_AHEAD_MS)
    }
}

/// Gives out increasing timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    greatest: Hlc,
}

impl Clock {
    /// A clock that has seen nothing later than this; a restarted device passes what it persisted.
    #[must_use]
    pub const fn resume(greatest: Hlc) -> Self {
        Self { greatest }
    }

    /// The greatest timestamp given out or observed.
    #[must_use]
    pub const fn greatest(&self) -> Hlc {
        self.greatest
    }

    /// The timestamp of a change made now: the greater of the corrected local time and the greatest seen plus one.
    ///
    /// `now_ms` is the local clock corrected by the store's, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`ClockOverflow`] once the last value was seen; callers keep that away by holding back changes that are
    /// [too far ahead](Hlc::is_too_far_ahead).
    pub fn tick(&mut self, now_ms: u64) -> Result<Hlc, ClockOverflow> {
        let next = self.greatest.0.checked_add(1).ok_or(ClockOverflow)?;
        self.greatest = Hlc(next.max(Hlc::new(now_ms, 0).0));
        Ok(self.greatest)
    }

    /// Takes note of another device's timestamp, so that later changes here come after it.
    pub fn observe(&mut self, seen: Hlc) {
        self.greatest = self.greatest.max(seen);
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hlc({self})")
    }
}

impl FromStr for Hlc {
    type Err = InvalidHlc;

    fn from_str(text: &str) -> Result<Self, InvalidHlc> {
        let canonical = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let invalid = || InvalidHlc(text.chars().take(64).collect());
        if !canonical {
            return Err(invalid());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| invalid())
    }
}

impl TryFrom<String> for Hlc {
    type Error = InvalidHlc;

    fn try_from(text: String) -> Result<Self, InvalidHlc> {
        text.parse()
    }
}

impl From<Hlc> for String {
    fn from(hlc: Hlc) -> String {
        hlc.to_string()
    }
}
