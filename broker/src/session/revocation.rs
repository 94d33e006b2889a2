//! Whose access tokens have ended before their time: a snapshot in memory of what the store says, and devices revoked for good.
//!
//! The snapshot comes from the names of the objects in one folder, which go once the tokens that they end have ended by themselves: it
//! holds a day's endings, however many devices were ever revoked. Who mints tokens asks the store itself ([`super::ended`]).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, TokenHolder, UserId};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::ended::{EndReason, EndedDocument, is_long_over, note};
use crate::store::{StoreClient, StoreError, folder_of};

/// Seconds within which a revocation ends what tokens open.
pub(crate) const REVOCATION_SECONDS: u32 = 60;
const FRESH: Duration = Duration::seconds(REVOCATION_SECONDS as i64);
/// Beyond this age of the snapshot nothing is opened at all.
const DEAD: Duration = Duration::seconds(300);
/// After a failed refresh the next one waits, so that a store that hangs does not hold up every call.
const PAUSE: Duration = Duration::seconds(5);
/// The `format` of a revocation's document.
const FORMAT: &str = "tidegate/device-revoked/v1";

/// `_tidegate/revocations/devices/{device}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RevokedDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) revoked_at: OffsetDateTime,
}

impl RevokedDocument {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), revoked_at: now }
    }
}

/// Most notes that one refresh takes away: the next goes on.
const SWEPT_AT_ONCE: usize = 200;

/// Asks the store itself: for every mint of a token.
pub(super) async fn is_device_revoked(store: &StoreClient, device: DeviceId) -> Result<bool, StoreError> {
    let key = ObjectKey::State(StateKey::DeviceRevoked { device });
    store.head(&key).await.map(|head| head.is_some())
}

/// Revokes a device for good: it gets no token any more, and those that it has end at every replica within [`REVOCATION_SECONDS`].
/// Repeated it does no harm; after an error it is to be repeated. Gives what other parts of this process may enter at once.
///
/// # Errors
/// [`StoreError`] if it may not have been written.
pub(crate) async fn revoke_device(
    store: &StoreClient,
    device: DeviceId,
    now: OffsetDateTime,
) -> Result<EndedDocument, StoreError> {
    // First what bars the way to tokens: one that is minted before it is read has a date that the note ends.
    if !is_device_revoked(store, device).await? {
        store.put_document(&ObjectKey::State(StateKey::DeviceRevoked { device }), &RevokedDocument::new(now)).await?;
    }
    let document = EndedDocument::of_device(EndReason::DeviceRevoked, now);
    note(store, TokenHolder::Device(device), &document).await?;
    Ok(document)
}

/// Whose access tokens have ended, at most a minute old where the store answers.
pub(crate) struct Revocations {
    snapshot: RwLock<Arc<Snapshot>>,
    refresh: Mutex<Option<OffsetDateTime>>,
}

/// Of each, the second before which its tokens were issued.
#[derive(Clone)]
struct Snapshot {
    taken_at: OffsetDateTime,
    devices: HashMap<DeviceId, i64>,
    users: HashMap<UserId, i64>,
}

impl Snapshot {
    fn at(taken_at: OffsetDateTime) -> Self {
        Self { taken_at, devices: HashMap::new(), users: HashMap::new() }
    }

    fn is_within(&self, limit: Duration, now: OffsetDateTime) -> bool {
        (now - self.taken_at).abs() <= limit
    }

    fn enter(&mut self, whose: TokenHolder, before: i64) {
        match whose {
            TokenHolder::Device(device) => raise(&mut self.devices, device, before),
            TokenHolder::User(user) => raise(&mut self.users, user, before),
        }
    }

    fn has_ended(&self, token: IssuedToken) -> bool {
        let before = self.devices.get(&token.device).max(self.users.get(&token.user));
        before.is_some_and(|before| token.issued_at < *before)
    }
}

fn raise<K: Eq + Hash>(ended: &mut HashMap<K, i64>, whose: K, before: i64) {
    let known = ended.entry(whose).or_insert(before);
    *known = (*known).max(before);
}

/// What of an access token decides whether it has ended before its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IssuedToken {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    /// Its `iat`.
    pub(crate) issued_at: i64,
}

impl Revocations {
    /// An empty, long dead snapshot: the first call or [`Revocations::refresh`] fills it.
    pub(crate) fn new() -> Self {
        Self { snapshot: RwLock::new(Arc::new(Snapshot::at(OffsetDateTime::UNIX_EPOCH))), refresh: Mutex::new(None) }
    }

    /// Whether the token has ended before its time; an error if that can't be told.
    pub(crate) async fn has_ended(
        &self,
        token: IssuedToken,
        store: &StoreClient,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let snapshot = self.snapshot();
        if snapshot.is_within(FRESH, now) {
            return Ok(snapshot.has_ended(token));
        }
        if snapshot.is_within(DEAD, now) {
            self.refresh_unless_busy(store, now).await;
        } else {
            self.refresh_or_fail(store, now).await?;
        }
        Ok(self.snapshot().has_ended(token))
    }

    /// Takes up an ending that this process has just written. A snapshot that is being read meanwhile may lack it, and the next
    /// one, in time, does not.
    pub(crate) fn enter(&self, whose: TokenHolder, document: &EndedDocument) {
        let mut current = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&current);
        snapshot.enter(whose, document.ended_before.unix_timestamp());
        *current = Arc::new(snapshot);
    }

    /// Takes a new snapshot.
    pub(crate) async fn refresh(&self, store: &StoreClient, now: OffsetDateTime) -> Result<(), StoreError> {
        let mut last_try = self.refresh.lock().await;
        *last_try = Some(now);
        self.load(store, now).await
    }

    async fn refresh_unless_busy(&self, store: &StoreClient, now: OffsetDateTime) {
        let Ok(mut last_try) = self.refresh.try_lock() else { return };
        if last_try.is_some_and(|last| (now - last).abs() < PAUSE) {
            return;
        }
        *last_try = Some(now);
        if let Err(error) = self.load(store, now).await {
            tracing::warn!(%error, "the revocations could not be read; the last snapshot still counts");
        }
    }

    async fn refresh_or_fail(&self, store: &StoreClient, now: OffsetDateTime) -> Result<(), StoreError> {
        let mut last_try = self.refresh.lock().await;
        if self.snapshot().is_within(FRESH, now) {
            return Ok(());
        }
        *last_try = Some(now);
        self.load(store, now).await
    }

    async fn load(&self, store: &StoreClient, now: OffsetDateTime) -> Result<(), StoreError> {
        let any = TokenHolder::User(UserId::new(uuid::Uuid::nil()));
        let any = ObjectKey::State(StateKey::EndedLately { before: 0, whose: any });
        let mut snapshot = Snapshot::at(now);
        let mut over = Vec::new();
        for object in store.list(&folder_of(&any)).await? {
            let Ok(key @ ObjectKey::State(StateKey::EndedLately { before, whose })) = object.key.parse::<ObjectKey>() else {
                continue;
            };
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            if is_long_over(before, now) { over.push(key) } else { snapshot.enter(whose, before) }
        }
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        if !over.is_empty() {
            over.truncate(SWEPT_AT_ONCE);
            tokio::spawn(sweep(store.clone(), over));
        }
        Ok(())
    }

    /// A snapshot without a store.
    #[cfg(test)]
    pub(crate) fn pretend(&self, ended: impl IntoIterator<Item = TokenHolder>, now: OffsetDateTime) {
        let mut snapshot = Snapshot::at(now);
        ended.into_iter().for_each(|whose| snapshot.enter(whose, now.unix_timestamp()));
        *self.snapshot.write().unwrap() = Arc::new(snapshot);
    }

    /// Whether nothing is opened any more because nobody knows whose sessions have ended.
    pub(crate) fn are_dead(&self, now: OffsetDateTime) -> bool {
        !self.snapshot().is_within(DEAD, now)
    }

    /// The snapshot's age, and how many endings it names.
    pub(crate) fn state(&self, now: OffsetDateTime) -> (Duration, usize) {
        let snapshot = self.snapshot();
        (now - snapshot.taken_at, snapshot.devices.len() + snapshot.users.len())
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes away notes that end nothing any more. Every replica may; what fails now is tried again by the next refresh.
async fn sweep(store: StoreClient, over: Vec<ObjectKey>) {
    for key in over {
        if let Err(error) = store.delete(&key).await {
            tracing::debug!(%error, "a note of sessions that ended long ago could not be taken away");
            return;
        }
    }
}
