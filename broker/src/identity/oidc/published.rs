//! An issuer's keys as they were fetched lately.

use std::sync::{Arc, PoisonError, RwLock};

use tidegate_oidc::KeySet;
use tidegate_protocol::problem::ProblemCode;
use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::fetch::{Fetch, FetchError};
use crate::config::OidcSettings;
use crate::problem::{self, Problem};

/// An unknown key has the keys fetched again, but not more often: anybody can name keys that do not exist.
const REFETCH: Duration = Duration::seconds(60);
/// After a failure the issuer is left alone for so long.
const PAUSE: Duration = Duration::seconds(10);
/// While the issuer does not answer, keys count for so much longer.
const STALE: Duration = Duration::HOUR;

/// When keys were last asked for, whatever came of it. Whoever holds it is the one who asks.
type AskedAt = Option<OffsetDateTime>;

/// Keys as the issuer published them.
pub(super) struct Published {
    pub(super) keys: KeySet,
    fetched_at: OffsetDateTime,
}

impl Published {
    fn is_within(&self, limit: Duration, now: OffsetDateTime) -> bool {
        (now - self.fetched_at).abs() <= limit
    }
}

/// The keys that are known of an issuer, and how others are had.
pub(super) struct IssuerKeys {
    source: Arc<Source>,
    max_age: Duration,
    asked_at: Arc<Mutex<AskedAt>>,
}

/// Where keys come from, and where they are put.
struct Source {
    settings: OidcSettings,
    fetch: Fetch,
    published: RwLock<Option<Arc<Published>>>,
}

impl IssuerKeys {
    pub(super) fn new(settings: &OidcSettings, fetch: Fetch) -> Self {
        let source = Source { settings: settings.clone(), fetch, published: RwLock::new(None) };
        Self { max_age: settings.keys_max_age, source: Arc::new(source), asked_at: Arc::new(Mutex::new(None)) }
    }

    /// The keys, fetched if they are not fresh. While that goes on, or where it fails, those that are known count for an hour more.
    pub(super) async fn fresh(&self, now: OffsetDateTime) -> Result<Arc<Published>, Problem> {
        let is_fresh = |known: &Arc<Published>| known.is_within(self.max_age, now);
        let known = self.source.known();
        if let Some(fresh) = known.clone().filter(is_fresh) {
            return Ok(fresh);
        }
        let still_good = known.filter(|known| known.is_within(self.max_age + STALE, now));
        let asked_at = match (Arc::clone(&self.asked_at).try_lock_owned(), &still_good) {
            (Ok(asked_at), _) => asked_at,
            // Somebody else asks: an issuer that is slow to answer holds up nobody whose keys may still do.
            (Err(_), Some(good)) => return Ok(Arc::clone(good)),
            (Err(_), None) => Arc::clone(&self.asked_at).lock_owned().await,
        };
        if let Some(fresh) = self.source.known().filter(is_fresh) {
            return Ok(fresh);
        }
        if asked_at.is_some_and(|asked| (now - asked).abs() < PAUSE) {
            return still_good.ok_or_else(|| unavailable(None));
        }
        match self.ask(asked_at, now).await {
            Ok(published) => Ok(published),
            Err(error) => still_good.ok_or_else(|| unavailable(error)),
        }
    }

    /// The keys once more, at most once a minute; those that are known where nothing newer can be had.
    pub(super) async fn look_again(&self, seen: &Arc<Published>, now: OffsetDateTime) -> Arc<Published> {
        let asked_at = Arc::clone(&self.asked_at).lock_owned().await;
        // Somebody else may have looked while this call waited.
        let known = self.source.known().unwrap_or_else(|| Arc::clone(seen));
        let is_too_soon = asked_at.is_some_and(|asked| (now - asked).abs() < REFETCH);
        if is_too_soon || !Arc::ptr_eq(&known, seen) {
            return known;
        }
        self.ask(asked_at, now).await.unwrap_or(known)
    }

    /// Asks the issuer. A caller who goes away does not end it: else whoever begins a call a minute and hangs up would keep everybody
    /// from the issuer's new keys.
    async fn ask(
        &self,
        mut asked_at: OwnedMutexGuard<AskedAt>,
        now: OffsetDateTime,
    ) -> Result<Arc<Published>, Option<FetchError>> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.source);
        let asking = tokio::spawn(async move {
            let asked = source.ask(now).await;
            drop(asked_at);
            asked
        });
        asking.await.map_err(|_| None)?.map_err(Some)
    }
}

impl Source {
    async fn ask(&self, now: OffsetDateTime) -> Result<Arc<Published>, FetchError> {
        let settings = &self.settings;
        let keys = self.fetch.keys(&settings.issuer, settings.jwks_url.as_ref()).await.inspect_err(|error| {
            tracing::warn!(issuer = settings.name, error = %problem::chain(error), "an issuer's keys could not be fetched");
        })?;
        let published = Arc::new(Published { keys, fetched_at: now });
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&published));
        Ok(published)
    }

    fn known(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn unavailable(cause: Option<FetchError>) -> Problem {
    let problem = Problem::new(ProblemCode::IssuerUnavailable, "the login's issuer does not answer; try again shortly");
    match cause {
        Some(cause) => problem.caused_by(cause),
        None => problem,
    }
}
