//! The broker's clock, handed in so that tests can turn it.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

/// Tells the time to everything in the broker: token lives, nonces, signatures, budgets.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> OffsetDateTime;

    /// Time that passed since some moment and never goes back, whatever happens to [`Clock::now`]: rate limits go by it.
    fn elapsed(&self) -> Duration {
        static BEGUN: OnceLock<Instant> = OnceLock::new();
        BEGUN.get_or_init(Instant::now).elapsed()
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from(SystemTime::now())
    }
}

/// Days since 1970-01-01 UTC: the unit of daily budgets and of audit folders.
pub(crate) fn day_of(now: OffsetDateTime) -> u32 {
    u32::try_from(now.unix_timestamp().div_euclid(86_400)).unwrap_or(0)
}
