//! When a login may be attempted. The service locks accounts after some failed attempts, and a person without a pump's log is better
//! off than one who cannot log in at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::endpoints::Endpoints;
use super::error::SourceError;
use super::login::Login;

/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The first wait after an answer that nobody expected; each further one doubles it.
const STRANGE_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// The longest wait after failures that lock nothing.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);
/// The wait after the service said that an account is locked; each further one doubles it, up to a day.
const LOCKED_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// The longest wait of a locked account.
const LONGEST_LOCK: SignedDuration = SignedDuration::from_hours(24);

/// How many logins there may be in an hour, whatever comes of them: a token lasts for hours, so more are a loop.
const MOST_AN_HOUR: usize = 6;
const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What is remembered of failed logins, over the end of the process. It tells who tries which password, so it is kept sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginGuard {
    /// How many logins failed since the last one that succeeded.
    pub failures: u32,
    /// No login before this time.
    pub not_before: Option<Timestamp>,
    /// No request at all before this time: the service asked to wait.
    pub busy_until: Option<Timestamp>,
    /// Credentials that were refused, and are not tried again.
    refused: Option<Refused>,
    /// When logins were attempted in the last hour, those among them that succeeded.
    attempts: Vec<Timestamp>,
}

/// Credentials that were refused, as a digest that only says whether others are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Refused {
    salt: String,
    digest: String,
}

impl LoginGuard {
    /// Whether these credentials may be tried now.
    ///
    /// # Errors
    /// [`SourceError::RefusedBefore`], [`SourceError::TooSoon`].
    pub(super) fn admit(&self, endpoints: &Endpoints, login: &Login, now: Timestamp) -> Result<(), SourceError> {
        if self.refused.as_ref().is_some_and(|refused| refused.is(endpoints, login)) {
            return Err(SourceError::RefusedBefore);
        }
        self.admit_request(now)?;
        let in_the_hour = self.attempts_until(now);
        let hourly = (in_the_hour.len() >= MOST_AN_HOUR).then(|| later(in_the_hour[in_the_hour.len() - MOST_AN_HOUR], AN_HOUR));
        match self.not_before.max(hourly) {
            Some(until) if now < until => Err(SourceError::TooSoon { until }),
            Some(_) | None => Ok(()),
        }
    }

    /// Attempts of the last hour, in order. One that lies in the future was made before the clock was put right.
    fn attempts_until(&self, now: Timestamp) -> Vec<Timestamp> {
        let since = now.saturating_sub(AN_HOUR).unwrap_or(Timestamp::MIN);
        let mut attempts: Vec<Timestamp> = self.attempts.iter().copied().filter(|at| since < *at && *at <= now).collect();
        attempts.sort_unstable();
        attempts
    }

    fn attempts_and(&self, now: Timestamp) -> Vec<Timestamp> {
        let mut attempts = self.attempts_until(now);
        attempts.push(now);
        attempts
    }

    /// Whether any request may be made now.
    ///
    /// # Errors
    /// [`SourceError::RateLimited`].
    pub(super) fn admit_request(&self, now: Timestamp) -> Result<(), SourceError> {
        match self.busy_until {
            Some(until) if now < until => Err(SourceError::RateLimited { until }),
            Some(_) | None => Ok(()),
        }
    }

    /// What is remembered while a login is under way: if the process ends in its midst, it was one that failed.
    pub(super) fn attempting(&self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let not_before = Some(later(now, doubled(FIRST_WAIT, failures, LONGEST_WAIT)));
        Self { failures, not_before, attempts: self.attempts_and(now), ..self.clone() }
    }

    /// What is remembered after a login succeeded: that there was one.
    pub(super) fn succeeded(&self, now: Timestamp) -> Self {
        Self { attempts: self.attempts_and(now), ..Self::default() }
    }

    /// What is remembered after a login failed like this. What never left this machine says nothing about the account.
    pub(super) fn failed(
        &self,
        error: &SourceError,
        endpoints: &Endpoints,
        login: &Login,
        now: Timestamp,
        salt: [u8; 16],
    ) -> Self {
        let mut after = Self { attempts: self.attempts_and(now), ..self.clone() };
        match error {
            SourceError::Unreachable(error) if error.is_connect() => return self.clone(),
            SourceError::NotPrivate
            | SourceError::Keeper(_)
            | SourceError::NoLogin
            | SourceError::RefusedBefore
            | SourceError::TooSoon { .. } => return self.clone(),
            // A question at login is one to the person: asked again by a program, it is another failed attempt.
            SourceError::Refused | SourceError::LoginNeedsAttention(_) => {
                after.failures = after.failures.saturating_add(1);
                after.refused = Some(Refused::new(endpoints, login, salt));
                // Other credentials may be tried at once, twice; then a person is guessing.
                let guesses = after.failures.saturating_sub(2);
                after.not_before = (guesses > 0).then(|| later(now, doubled(FIRST_WAIT, guesses, LONGEST_WAIT)));
            }
            SourceError::Locked { until } | SourceError::FreshTokenRefused { until } => {
                after.failures = after.failures.saturating_add(1);
                after.not_before = Some(*until);
            }
            SourceError::RateLimited { until } => after.busy_until = Some(*until),
            SourceError::Unreachable(_) | SourceError::TokenRefused | SourceError::Failing { .. } => {
                after.failures = after.failures.saturating_add(1);
                after.not_before = Some(later(now, doubled(FIRST_WAIT, after.failures, LONGEST_WAIT)));
            }
            // It is not known whether the service counts these as failed attempts.
            SourceError::IdToken(_)
            | SourceError::Firewall(_)
            | SourceError::Changed(_)
            | SourceError::TooLarge { .. }
            | SourceError::LedElsewhere => {
                after.failures = after.failures.saturating_add(1);
                after.not_before = Some(later(now, doubled(STRANGE_WAIT, after.failures, LONGEST_WAIT)));
            }
        }
        after
    }

    /// Whether credentials were refused that are not tried again.
    #[must_use]
    pub const fn has_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The same, but refused credentials may be tried once more: a person says that they are right after all.
    #[must_use]
    pub fn forgiven(&self) -> Self {
        Self { refused: None, ..self.clone() }
    }

    /// When a locked account is tried again, after so many failures.
    pub(super) fn locked_until(&self, now: Timestamp) -> Timestamp {
        later(now, doubled(LOCKED_WAIT, self.failures.max(1), LONGEST_LOCK))
    }
}

impl Refused {
    fn new(endpoints: &Endpoints, login: &Login, salt: [u8; 16]) -> Self {
        let salt = STANDARD_NO_PAD.encode(salt);
        let digest = digest(&salt, endpoints, login);
        Self { salt, digest }
    }

    fn is(&self, endpoints: &Endpoints, login: &Login) -> bool {
        digest(&self.salt, endpoints, login).as_bytes().ct_eq(self.digest.as_bytes()).into()
    }
}

/// The accounts service is part of it: an account of one region is tried at the other one.
fn digest(salt: &str, endpoints: &Endpoints, login: &Login) -> String {
    let mut hash = Sha256::new();
    for part in [salt, endpoints.accounts.as_str(), &login.username, login.password.expose_secret()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    STANDARD_NO_PAD.encode(hash.finalize())
}

/// The first wait for the first time, and twice as long each further time.
fn doubled(first: SignedDuration, times: u32, longest: SignedDuration) -> SignedDuration {
    let factor = 1_i32 << times.saturating_sub(1).min(20);
    first.checked_mul(factor).unwrap_or(longest).min(longest)
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
