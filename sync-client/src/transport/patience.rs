//! How long the other side may stay silent: as long as bytes go out or come in, a request may take its time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When something was last sent or received in a request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    silence: Duration,
    last: Arc<Mutex<Instant>>,
}

impl Patience {
    pub(crate) fn new(silence: Duration) -> Self {
        Self { silence, last: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Something was sent or received.
    pub(crate) fn renew(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Runs a part of the request; `None` once the other side has been silent for too long.
    pub(crate) async fn keep<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let until = *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.silence;
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = tokio::time::sleep_until(until) => {
                    if *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.silence <= Instant::now() {
                        return None;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_ends_a_request_and_progress_does_not() {
        let patience = Patience::new(Duration::from_millis(200));
        let moving = async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(80)).await;
                patience.renew();
            }
            "done"
        };
        assert_eq!(patience.keep(moving).await, Some("done"));
        assert_eq!(patience.keep(std::future::pending::<()>()).await, None);
    }
}
