//! Time and chance, so that tests can have their own.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

/// Where a watch takes its time and chance from.
#[async_trait]
pub trait Ticker: Send + Sync + fmt::Debug {
    /// Milliseconds since 1970. It may jump: a computer that slept finds that it is later.
    fn now_ms(&self) -> u64;

    /// Waits.
    async fn sleep(&self, wait: Duration);

    /// A number from 0 to 1.
    fn chance(&self) -> f64;
}

/// The system's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTicker;

#[async_trait]
impl Ticker for SystemTicker {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }

    fn chance(&self) -> f64 {
        crate::transport::retry::jitter()
    }
}
