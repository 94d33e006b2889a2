//! Walks the App Store's history of notifications and counts what was never heard, for the time that the broker was not there.
//!
//! The history is cut into pages by Apple; after each the place is written down, so that a walk that was cut short goes on there.
//! A notification that was heard already changes nothing, so walks may overlap, repeat one another and run beside the service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_app_store::Environment;
use tidegate_protocol::problem::{ProblemClass, ProblemCode};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, StateKey, StoreEnvironment};
use time::{Duration, OffsetDateTime};

use super::notifications::{Heard, hear};
use super::server_api::{HistoryPage, HistoryRequest, ServerApi, ServerApiError};
use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{StoreError, read};

/// The `format` of the place in the history.
const FORMAT: &str = "tidegate/recovery/v1";
/// A walk begins before the end of the last one: Apple repeats a notification for days before it gives up.
const OVERLAP: Duration = Duration::days(1);
/// Apple refuses a start that is older than its limit to the second.
const MARGIN: Duration = Duration::minutes(5);
/// After this time the rest of an unfinished walk is walked anew: Apple does not say how long its page tokens live.
const UNFINISHED_LIVES: Duration = Duration::hours(12);
/// More pages than any history has: a server that always says there is more is left in the end.
const MOST_PAGES: u64 = 100_000;

/// How far Apple keeps notifications.
fn kept(environment: StoreEnvironment) -> Duration {
    match environment {
        StoreEnvironment::Production => Duration::days(180),
        StoreEnvironment::Sandbox => Duration::days(30),
    }
}

fn apples(environment: StoreEnvironment) -> Environment {
    match environment {
        StoreEnvironment::Production => Environment::Production,
        StoreEnvironment::Sandbox => Environment::Sandbox,
    }
}

/// `_tidegate/recoveries/{environment}.json`: how far each app's history was walked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryDocument {
    format: String,
    /// By bundle id.
    apps: BTreeMap<String, Place>,
}

/// How far one app's history was walked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Up to here everything was heard; absent before the first walk ended.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub(crate) through: Option<OffsetDateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<Unfinished>,
}

/// A walk that was cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unfinished {
    #[serde(with = "timestamp")]
    pub(crate) from: OffsetDateTime,
    #[serde(with = "timestamp")]
    pub(crate) until: OffsetDateTime,
    /// Apple's token of the next page.
    pub(crate) page: String,
}

impl RecoveryDocument {
    pub(crate) fn new(apps: BTreeMap<String, Place>) -> Self {
        Self { format: FORMAT.to_owned(), apps }
    }
}

/// What a walk through one environment's history of one app found.
#[derive(Debug, Clone, Serialize)]
pub struct Recovered {
    /// `production` or `sandbox`.
    pub environment: &'static str,
    /// The app.
    pub bundle_id: String,
    /// The oldest notifications asked for.
    #[serde(with = "timestamp")]
    pub from: OffsetDateTime,
    /// The newest asked for.
    #[serde(with = "timestamp")]
    pub until: OffsetDateTime,
    /// Whether it went on where another was cut short.
    pub resumed: bool,
    /// Pages read.
    pub pages: u64,
    /// Notifications counted now.
    pub new: u64,
    /// Notifications counted before.
    pub known: u64,
    /// Notifications that are not Apple's, of another app or not readable, by code.
    pub refused: BTreeMap<String, u64>,
}

/// Why a walk stopped before its end. What was heard counts, and the next one goes on there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverError {
    /// Apple.
    #[error(transparent)]
    Api(#[from] ServerApiError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A notification could not be counted now.
    #[error("a notification could not be counted: {} ({})", .0.message, .0.code)]
    Notification(Box<Problem>),
    /// The history does not end.
    #[error("the history has more than {MOST_PAGES} pages")]
    Endless,
}

/// Walks one environment's history of one app: from `since`, or from where the last walk ended, until now.
pub(crate) async fn recover(
    broker: &Broker,
    api: &ServerApi,
    environment: StoreEnvironment,
    bundle_id: &str,
    since: Option<OffsetDateTime>,
) -> Result<Recovered, RecoverError> {
    let key = ObjectKey::State(StateKey::Recovery { environment });
    let mut apps = read::<RecoveryDocument>(&broker.store, &key).await?.map(|found| found.document.apps).unwrap_or_default();
    let place = apps.remove(bundle_id).unwrap_or_default();
    let mut walk = Walk::begin(environment, bundle_id, place, since, broker.clock.now());
    for _ in 0..MOST_PAGES {
        let page = walk.next_page(broker, api).await?;
        for item in page.notification_history {
            walk.count(hear(broker, &item.signed_payload).await)?;
        }
        // A page that says there is more but not where ends the walk, or it would be asked for for ever.
        walk.page = page.pagination_token.filter(|_| page.has_more);
        apps.insert(bundle_id.to_owned(), walk.place());
        broker.store.put_document(&key, &RecoveryDocument::new(apps.clone())).await?;
        if walk.page.is_none() {
            return Ok(walk.found);
        }
    }
    Err(RecoverError::Endless)
}

struct Walk {
    environment: StoreEnvironment,
    /// Where the last whole walk ended.
    through: Option<OffsetDateTime>,
    /// From here on nothing is left out.
    gapless_from: OffsetDateTime,
    page: Option<String>,
    found: Recovered,
}

impl Walk {
    fn begin(
        environment: StoreEnvironment,
        bundle_id: &str,
        Place { through, unfinished }: Place,
        since: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Self {
        let oldest = now - kept(environment) + MARGIN;
        let from = since.or(through.map(|through| through - OVERLAP)).unwrap_or(oldest).max(oldest);
        // One that reaches back far enough is gone on with; what it leaves out at the near end the next walk finds.
        let resumed =
            unfinished.filter(|left| now - left.until < UNFINISHED_LIVES && since.is_none_or(|since| left.from <= since));
        let (from, until, page) = match resumed {
            Some(left) => (left.from, left.until, Some(left.page)),
            None => (from, now, None),
        };
        let found = Recovered {
            environment: match environment {
                StoreEnvironment::Production => "production",
                StoreEnvironment::Sandbox => "sandbox",
            },
            bundle_id: bundle_id.to_owned(),
            from,
            until,
            resumed: page.is_some(),
            pages: 0,
            new: 0,
            known: 0,
            refused: BTreeMap::new(),
        };
        Self { environment, through, gapless_from: through.unwrap_or(oldest), page, found }
    }

    async fn next_page(&mut self, broker: &Broker, api: &ServerApi) -> Result<HistoryPage, ServerApiError> {
        let span = HistoryRequest { start_date: millis(self.found.from), end_date: millis(self.found.until) };
        let ask = async |page: Option<&str>| {
            api.history(&apples(self.environment), &self.found.bundle_id, span, page, || broker.clock.now()).await
        };
        let page = match ask(self.page.as_deref()).await {
            // The place is lost: the walk begins anew, and what was heard is known by now.
            Err(error) if error.is_page_invalid() && self.page.is_some() => ask(None).await?,
            other => other?,
        };
        self.found.pages += 1;
        Ok(page)
    }

    /// What Apple did not sign for this app is told and passed over; what can't be counted now ends the walk.
    fn count(&mut self, heard: Result<Heard, Problem>) -> Result<(), RecoverError> {
        match heard {
            Ok(Heard::New) => self.found.new += 1,
            Ok(Heard::Known) => self.found.known += 1,
            Err(problem) if is_final(problem.code) => *self.found.refused.entry(problem.code.to_string()).or_default() += 1,
            Err(problem) => return Err(RecoverError::Notification(Box::new(problem))),
        }
        Ok(())
    }

    fn place(&self) -> Place {
        let Recovered { from, until, .. } = self.found;
        let unfinished = self.page.clone().map(|page| Unfinished { from, until, page });
        // A walk that began after the last one's end leaves a gap: it must not be taken for one through all.
        let is_whole = unfinished.is_none() && from <= self.gapless_from;
        let through = if is_whole { Some(until).max(self.through) } else { self.through };
        Place { through, unfinished }
    }
}

fn is_final(code: ProblemCode) -> bool {
    match code.class() {
        ProblemClass::Invalid | ProblemClass::Denied => true,
        ProblemClass::Retry | ProblemClass::Reauthenticate | ProblemClass::Conflict => false,
    }
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
