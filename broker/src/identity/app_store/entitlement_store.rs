//! Entitlements in the store: one document for each subscription, changed by compare-and-swap.
//!
//! The document is a join of everything heard ([`tidegate_app_store::apply`]), so whoever loses a race reads again and folds its own
//! words into what the winner wrote; nothing is lost and no order has to be kept.

use std::time::Duration as StdDuration;

use aws_lc_rs::hmac;
use moka::sync::Cache;
use tidegate_app_store::{Entitlement, Event, Transaction, VerifiedTransaction, apply};
use tidegate_protocol::account::lp;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ask::{Subject, ask, is_due};
use crate::broker::Broker;
use crate::config::ServerIdKey;
use crate::problem::Problem;
use crate::store::{Swap, read, swap};

/// How old a reading may be that renewals and status go by: as old as a snapshot of revocations.
const FRESH: Duration = Duration::seconds(60);
/// Memory is given back after this time, which has to be longer than [`FRESH`].
const KEPT: StdDuration = StdDuration::from_secs(120);
const MOST_KEPT: u64 = 50_000;
/// Writers of one process queue here and do not race one another at the store.
const QUEUES: usize = 64;
const MOST_RACES: u32 = 12;
const FIRST_PAUSE_MILLIS: u64 = 10;

/// What this process has read lately, and the queues of those that write.
pub(crate) struct Entitlements {
    known: Cache<Sha256, Known>,
    queues: Vec<Mutex<()>>,
}

#[derive(Clone)]
struct Known {
    entitlement: Entitlement,
    /// Taken before the store was asked: a reading is never younger than it says.
    read_at: OffsetDateTime,
}

impl Entitlements {
    pub(crate) fn new() -> Self {
        let known = Cache::builder().max_capacity(MOST_KEPT).time_to_live(KEPT).build();
        Self { known, queues: (0..QUEUES).map(|_| Mutex::new(())).collect() }
    }

    fn remembered(&self, subscription: &Sha256, now: OffsetDateTime) -> Option<Entitlement> {
        let known = self.known.get(subscription)?;
        ((now - known.read_at).abs() < FRESH).then_some(known.entitlement)
    }

    fn remember(&self, subscription: Sha256, entitlement: Entitlement, read_at: OffsetDateTime) {
        self.known.insert(subscription, Known { entitlement, read_at });
    }

    fn queue(&self, subscription: &Sha256) -> &Mutex<()> {
        &self.queues[usize::from(subscription.as_bytes()[0]) % QUEUES]
    }
}

/// The name of a subscription's document. Keyed, so that the bucket does not tell which subscriptions there are; of one app and one
/// environment, so that a purchase in the sandbox never touches a real one.
pub(crate) fn subscription_name(key: &ServerIdKey, transaction: &Transaction) -> Sha256 {
    let environment = transaction.environment.as_str();
    let fields =
        ["app-store-entitlement", transaction.bundle_id.as_str(), environment, transaction.original_transaction_id.as_str()];
    let message: Vec<u8> = fields.into_iter().flat_map(|field| lp(field.as_bytes())).collect();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &message);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    Sha256::from_bytes(bytes)
}

/// What the presented transaction's subscription entitles to, with that transaction counted in and written down.
pub(crate) async fn entitlement_of(broker: &Broker, transaction: &VerifiedTransaction) -> Result<Entitlement, Problem> {
    let subscription = subscription_name(&broker.server_id_key, transaction);
    let presented = Event::presented(transaction);
    let known = load(broker, subscription).await?;
    // A first sight is asked about however freshly it is signed: what happened before was never heard.
    let is_due = known.is_none() || is_due(Some(&apply(known.unwrap_or_default(), &presented)), broker.clock.now());
    let mut events = vec![presented];
    if is_due {
        events.extend(ask(broker, subscription, Subject::of(transaction)).await);
    }
    let entitlement = fold(broker, subscription, &events).await?;
    if is_due {
        broker.questions.settled(subscription);
    }
    Ok(entitlement)
}

/// What the subscription entitles to as read within the last minute; `None` if nothing was ever heard of it.
pub(crate) async fn current(broker: &Broker, subscription: Sha256) -> Result<Option<Entitlement>, Problem> {
    let now = broker.clock.now();
    let remembered = broker.entitlements.remembered(&subscription, now);
    broker.metrics.cache("entitlements", remembered.is_some());
    if remembered.is_some() {
        return Ok(remembered);
    }
    let Some(entitlement) = load(broker, subscription).await? else { return Ok(None) };
    let entitlement = made_sure_of(broker, subscription, entitlement, now).await?;
    broker.entitlements.remember(subscription, entitlement.clone(), now);
    Ok(Some(entitlement))
}

/// The same, with what the App Store says about it where nothing was heard for days.
async fn made_sure_of(
    broker: &Broker,
    subscription: Sha256,
    entitlement: Entitlement,
    now: OffsetDateTime,
) -> Result<Entitlement, Problem> {
    let Some(purchase) = entitlement.purchase().filter(|_| is_due(Some(&entitlement), now)) else { return Ok(entitlement) };
    let subject =
        Subject { environment: &purchase.environment, bundle_id: &purchase.bundle_id, transaction_id: &purchase.transaction_id };
    let events = ask(broker, subscription, subject).await;
    let entitlement = if events.is_empty() { entitlement } else { fold(broker, subscription, &events).await? };
    broker.questions.settled(subscription);
    Ok(entitlement)
}

async fn load(broker: &Broker, subscription: Sha256) -> Result<Option<Entitlement>, Problem> {
    Ok(read::<Entitlement>(&broker.store, &key_of(subscription)).await?.map(|found| found.document))
}

/// Counts what was heard about one subscription; when this returns well, it stands in the store.
pub(super) async fn fold(broker: &Broker, subscription: Sha256, events: &[Event]) -> Result<Entitlement, Problem> {
    let key = key_of(subscription);
    let _turn = broker.entitlements.queue(&subscription).lock().await;
    for race in 0..MOST_RACES {
        let read_at = broker.clock.now();
        let found = read::<Entitlement>(&broker.store, &key).await?;
        let etag = found.as_ref().and_then(|found| found.etag.clone());
        let known = found.map(|found| found.document).unwrap_or_default();
        let next = events.iter().fold(known.clone(), apply);
        // An equal document needs no write: a repeated delivery costs one read.
        if next == known || swap(&broker.store, &key, etag.as_deref(), &next).await? == Swap::Done {
            broker.entitlements.remember(subscription, next.clone(), read_at);
            return Ok(next);
        }
        tokio::time::sleep(pause(race)).await;
    }
    let message = "too many replicas write the same subscription at once; try again shortly";
    Err(Problem::new(ProblemCode::StoreUnavailable, message))
}

fn key_of(subscription: Sha256) -> ObjectKey {
    ObjectKey::State(StateKey::Entitlement { subscription })
}

/// Longer with each lost race, and of random length, so that replicas do not meet again.
fn pause(race: u32) -> StdDuration {
    let most = FIRST_PAUSE_MILLIS << race.min(6);
    let random = u64::from(Uuid::new_v4().as_bytes()[0]);
    StdDuration::from_millis(most / 2 + most * random / 512)
}
