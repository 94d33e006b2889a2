//! Repeating what is worth repeating: by class, with jitter, and no sooner than the other side asks.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tidegate_sync_core::state::FRESH_MS;

use crate::error::{Class, Error};

/// How often and how long a failing request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most tries, the first included.
    pub tries: u32,
    /// The pause before the second try; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause. Where the other side asks for a longer one, the error is returned instead.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 4, first_pause: Duration::from_millis(250), longest_pause: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// How long to wait after this many tries, or `None` to give up.
    #[must_use]
    pub fn pause_after(&self, tries: u32, error: &Error, jitter: f64) -> Option<Duration> {
        if tries >= self.tries || !is_worth_repeating(error) {
            return None;
        }
        let doubled = self.first_pause.saturating_mul(1 << (tries - 1).min(16)).min(self.longest_pause);
        // Between half and whole, so that devices that were thrown off together do not come back together.
        let jittered = doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        match error.retry_after() {
            Some(asked) if asked > self.longest_pause => None,
            Some(asked) => Some(asked.max(jittered)),
            None => Some(jittered),
        }
    }
}

/// Runs a request until it succeeds, fails for good, or has been tried often enough.
pub(crate) async fn repeat<T, F, Fut>(policy: &RetryPolicy, mut request: F) -> Result<T, Error>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let mut tries = 0;
    let began = SystemTime::now();
    loop {
        tries += 1;
        let error = match request().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(pause) = policy.pause_after(tries, &error, jitter()).filter(|_| is_fresh(began, SystemTime::now())) else {
            return Err(error);
        };
        tracing::debug!(code = error.code(), tries, pause_ms = pause.as_millis(), "repeating a request");
        tokio::time::sleep(pause).await;
    }
}

/// Whether a request that began then may be tried once more. By the wall clock, which goes on while a device sleeps: what it
/// was about to write was decided upon what it had read before, and a week later others rely on nobody writing upon that.
fn is_fresh(began: SystemTime, now: SystemTime) -> bool {
    now.duration_since(began).is_ok_and(|passed| passed < Duration::from_millis(FRESH_MS)) || now < began
}

/// A page of a captive portal stays until somebody signs in, and a name that does not resolve will not in a second; the rest
/// of the class may pass.
fn is_worth_repeating(error: &Error) -> bool {
    match error.class() {
        Class::Retry => !matches!(error, Error::NotOurs { .. } | Error::HomeBusy { .. } | Error::DiskFull { .. }),
        Class::Reauthenticate
        | Class::Conflict
        | Class::Corrupt
        | Class::Invalid
        | Class::Denied
        | Class::NotFound
        | Class::Decide
        | Class::Bug => false,
    }
}

pub(crate) fn jitter() -> f64 {
    // Without randomness from the system the pause is merely the same each time.
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::problem::ProblemCode;

    use super::*;
    use crate::transport::Peer;

    const POLICY: RetryPolicy =
        RetryPolicy { tries: 4, first_pause: Duration::from_millis(100), longest_pause: Duration::from_secs(5) };

    fn unavailable(retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Unavailable { peer: Peer::Store, host: "store".to_owned(), status: 503, retry_after }
    }

    #[test]
    fn pauses_double_and_stay_between_half_and_whole() {
        assert_eq!(POLICY.pause_after(1, &unavailable(None), 1.0), Some(Duration::from_millis(100)));
        assert_eq!(POLICY.pause_after(3, &unavailable(None), 1.0), Some(Duration::from_millis(400)));
        assert_eq!(POLICY.pause_after(3, &unavailable(None), 0.0), Some(Duration::from_millis(200)));
        assert_eq!(POLICY.pause_after(4, &unavailable(None), 0.0), None);
    }

    #[test]
    fn retry_after_is_kept_unless_it_is_too_long() {
        assert_eq!(POLICY.pause_after(1, &unavailable(Some(3)), 1.0), Some(Duration::from_secs(3)));
        assert_eq!(POLICY.pause_after(1, &unavailable(Some(60)), 1.0), None);
    }

    #[test]
    fn what_began_before_a_long_sleep_is_not_tried_again() {
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert!(is_fresh(began, began + Duration::from_secs(60)));
        assert!(is_fresh(began, began - Duration::from_secs(60)), "a clock that was set back says nothing");
        assert!(!is_fresh(began, began + Duration::from_secs(24 * 60 * 60)));
    }

    #[test]
    fn refusals_and_captive_portals_are_not_repeated() {
        let denied = Error::StoreDenied { host: "store".to_owned(), code: "AccessDenied".to_owned() };
        assert_eq!(POLICY.pause_after(1, &denied, 1.0), None);
        let used_up = Error::Problem {
            code: ProblemCode::InviteUsedUp,
            message: String::new(),
            correlation_id: String::new(),
            retry_after: None,
        };
        assert_eq!(POLICY.pause_after(1, &used_up, 1.0), None);
        let portal =
            Error::NotOurs { peer: Peer::Store, host: "store".to_owned(), status: 200, content_type: "text/html".to_owned() };
        assert_eq!(POLICY.pause_after(1, &portal, 1.0), None);
    }
}
