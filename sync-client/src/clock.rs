//! The device's clock, and the store's clock as far as its `Date` headers tell it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::transport::Peer;

/// Below this difference a `Date` header, which has whole seconds and travels, says nothing about the clock.
const NOISE_MS: i64 = 3_000;

/// Nobody who keeps the time is before this: a router that lost its battery says 1970.
const EARLIEST: OffsetDateTime = datetime!(2025-01-01 00:00 UTC);

/// Where the local time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The local time.
    fn now(&self) -> OffsetDateTime;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The local clock, corrected by the last `Date` of the other side: phones are hours off, and neither signatures nor the order
/// of edits may hang on that.
#[derive(Debug, Clone)]
pub struct StoreClock {
    local: Arc<dyn Clock>,
    offset_ms: Arc<AtomicI64>,
    /// The store has told its time: from then on a broker's does not count, or two servers that disagree would pull the
    /// clock to and fro within one sync.
    told_by_store: Arc<AtomicBool>,
}

impl StoreClock {
    /// Starts from the correction that was last known, in milliseconds.
    #[must_use]
    pub fn new(local: Arc<dyn Clock>, offset_ms: i64) -> Self {
        Self { local, offset_ms: Arc::new(AtomicI64::new(offset_ms)), told_by_store: Arc::default() }
    }

    /// The corrected time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.local.now().saturating_add(Duration::milliseconds(self.offset_ms()))
    }

    /// The correction in milliseconds: positive where the local clock is behind.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Takes note of the other side's time; `true` if the correction changed.
    pub fn observe(&self, date: OffsetDateTime, by: Peer) -> bool {
        match by {
            Peer::Store => self.told_by_store.store(true, Ordering::Relaxed),
            Peer::Broker if self.told_by_store.load(Ordering::Relaxed) => return false,
            Peer::Broker => {}
        }
        if date < EARLIEST {
            return false;
        }
        let difference = date - self.local.now();
        let seen = i64::try_from(difference.whole_milliseconds()).unwrap_or(0);
        let known = self.offset_ms();
        if (seen - known).abs() <= NOISE_MS {
            return false;
        }
        let corrected = if seen.abs() <= NOISE_MS { 0 } else { seen };
        self.offset_ms.store(corrected, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> OffsetDateTime {
            datetime!(2026-11-21 12:00 UTC)
        }
    }

    fn clock() -> StoreClock {
        StoreClock::new(Arc::new(Stopped), 0)
    }

    #[test]
    fn a_clock_that_is_hours_off_is_corrected_and_noise_is_not() {
        let clock = clock();
        assert!(!clock.observe(datetime!(2026-11-21 12:00:02 UTC), Peer::Store));
        assert!(clock.observe(datetime!(2026-11-21 15:00 UTC), Peer::Store));
        assert_eq!(clock.now(), datetime!(2026-11-21 15:00 UTC));
        assert!(clock.observe(datetime!(2026-11-21 12:00:01 UTC), Peer::Store));
        assert_eq!(clock.offset_ms(), 0);
    }

    #[test]
    fn the_brokers_time_counts_only_until_the_store_has_told_its_own() {
        let clock = clock();
        assert!(clock.observe(datetime!(2026-11-21 13:00 UTC), Peer::Broker));
        assert!(clock.observe(datetime!(2026-11-21 12:30 UTC), Peer::Store));
        assert!(!clock.observe(datetime!(2026-11-21 13:00 UTC), Peer::Broker));
        assert_eq!(clock.now(), datetime!(2026-11-21 12:30 UTC));
    }

    #[test]
    fn a_server_without_a_clock_is_not_believed() {
        let clock = clock();
        assert!(!clock.observe(datetime!(1970-01-01 00:00 UTC), Peer::Store));
        assert_eq!(clock.offset_ms(), 0);
    }
}
