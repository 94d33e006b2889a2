//! Asking the App Store about a subscription: when it is seen for the first time, and when what is known of it is days old.
//!
//! Notifications can be lost; an answer of the App Store Server API makes up for that. It is asked on the way, but not needed: while it does
//! not answer, what was signed before still counts, and it is asked again after a pause.

use std::time::Duration as StdDuration;

use moka::sync::Cache;
use tidegate_app_store::{Entitlement, Environment, Event, Transaction};
use tidegate_protocol::Sha256;
use time::{Duration, OffsetDateTime};

use super::entitlement_store::subscription_name;
use super::server_api::{LastTransaction, ServerApi};
use crate::broker::Broker;

/// What is older than this is not relied on alone.
const STALE: Duration = Duration::hours(72);
/// Longer than this nobody waits for the answer.
const LONGEST: StdDuration = StdDuration::from_secs(10);
/// After an answer or a failure the same subscription is not asked about for so long, by this process.
const PAUSE: StdDuration = StdDuration::from_secs(600);
const MOST_PAUSES: u64 = 50_000;

/// The App Store Server API, where the operator has configured a key, and what was asked lately.
pub(crate) struct Questions {
    api: Option<ServerApi>,
    asked: Cache<Sha256, ()>,
}

/// A transaction by which the App Store finds the subscription.
pub(super) struct Subject<'a> {
    pub(super) environment: &'a Environment,
    pub(super) bundle_id: &'a str,
    pub(super) transaction_id: &'a str,
}

impl<'a> Subject<'a> {
    pub(super) fn of(transaction: &'a Transaction) -> Self {
        Self {
            environment: &transaction.environment,
            bundle_id: &transaction.bundle_id,
            transaction_id: &transaction.transaction_id,
        }
    }
}

impl Questions {
    pub(crate) fn new(api: Option<ServerApi>) -> Self {
        Self { api, asked: Cache::builder().max_capacity(MOST_PAUSES).time_to_live(PAUSE).build() }
    }

    /// The answer stands in the store. Not before: an answer that got lost on the way there has to be asked for again.
    pub(super) fn settled(&self, subscription: Sha256) {
        self.asked.insert(subscription, ());
    }

    pub(crate) const fn api(&self) -> Option<&ServerApi> {
        self.api.as_ref()
    }
}

/// Whether what is known has to be made sure of.
pub(super) fn is_due(known: Option<&Entitlement>, now: OffsetDateTime) -> bool {
    known.and_then(Entitlement::heard_at).is_none_or(|heard_at| now - heard_at >= STALE)
}

/// What the App Store says now about the subscription; nothing if it is not asked or does not answer.
pub(super) async fn ask(broker: &Broker, subscription: Sha256, subject: Subject<'_>) -> Vec<Event> {
    let Some(api) = broker.questions.api() else { return Vec::new() };
    if broker.questions.asked.contains_key(&subscription) {
        return Vec::new();
    }
    let Subject { environment, bundle_id, transaction_id } = subject;
    let question = api.subscriptions(environment, bundle_id, transaction_id, broker.clock.now());
    let last = match tokio::time::timeout(LONGEST, question).await {
        Ok(Ok(last)) => last,
        Ok(Err(error)) => {
            tracing::warn!(error = %crate::problem::chain(&error), "the App Store was asked about a subscription in vain");
            broker.questions.settled(subscription);
            return Vec::new();
        }
        Err(_) => {
            tracing::warn!("the App Store did not answer in time");
            broker.questions.settled(subscription);
            return Vec::new();
        }
    };
    let mut events = Vec::new();
    for transaction in &last {
        events.extend(verified(broker, subscription, transaction).await);
    }
    events
}

/// The answer itself is not signed: only what Apple signed in it, about this very subscription, counts.
async fn verified(broker: &Broker, subscription: Sha256, last: &LastTransaction) -> Option<Event> {
    let verifier = &broker.app_store.as_ref()?.verifier;
    let now = broker.clock.now();
    let refused =
        |problem: crate::problem::Problem| tracing::warn!(code = %problem.code, "an answer of the App Store is refused");
    let transaction = verifier.transaction(&last.signed_transaction_info, now).await.map_err(refused).ok()?;
    if subscription_name(&broker.server_id_key, &transaction) != subscription {
        return None;
    }
    let renewal = match &last.signed_renewal_info {
        Some(jws) => verifier.renewal_info(jws, now).await.map_err(refused).ok(),
        None => None,
    };
    let renewal = renewal.filter(|renewal| {
        renewal.original_transaction_id == transaction.original_transaction_id && renewal.environment == transaction.environment
    });
    Some(Event::status(&transaction, renewal.as_deref()))
}
