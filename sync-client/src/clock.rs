//! The device's clock, and the store's clock as far as its `Date` headers tell it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// Below this difference a `Date` header, which has whole seconds and travels, says nothing about the clock.
const NOISE_MS: i64 = 3_000;

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
}

impl StoreClock {
    /// Starts from the correction that was last known, in milliseconds.
    #[must_use]
    pub fn new(local: Arc<dyn Clock>, offset_ms: i64) -> Self {
        Self { local, offset_ms: Arc::new(AtomicI64::new(offset_ms)) }
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
    pub fn observe(&self, date: OffsetDateTime) -> bool {
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
