//! Devices whose sessions have ended: one object for each below `_tidegate/`, and a snapshot of their names in memory.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::store::{StoreClient, StoreError, ranked};

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

/// Asks the store itself: for every mint of a token.
pub(crate) async fn is_device_revoked(store: &StoreClient, device: DeviceId) -> Result<bool, StoreError> {
    let key = ObjectKey::State(StateKey::DeviceRevoked { device });
    store.head(&key).await.map(|head| head.is_some())
}

/// The names of all revoked devices, at most a minute old where the store answers.
pub(crate) struct Revocations {
    snapshot: RwLock<Arc<Snapshot>>,
    refresh: Mutex<Option<OffsetDateTime>>,
}

struct Snapshot {
    taken_at: OffsetDateTime,
    devices: HashSet<DeviceId>,
}

impl Snapshot {
    fn is_within(&self, limit: Duration, now: OffsetDateTime) -> bool {
        (now - self.taken_at).abs() <= limit
    }
}

impl Revocations {
    /// An empty, long dead snapshot: the first call or [`Revocations::refresh`] fills it.
    pub(crate) fn new() -> Self {
        let never = Snapshot { taken_at: OffsetDateTime::UNIX_EPOCH, devices: HashSet::new() };
        Self { snapshot: RwLock::new(Arc::new(never)), refresh: Mutex::new(None) }
    }

    /// Whether the device's sessions have ended; an error if that can't be told.
    pub(crate) async fn is_revoked(
        &self,
        device: DeviceId,
        store: &StoreClient,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let snapshot = self.snapshot();
        if snapshot.is_within(FRESH, now) {
            return Ok(snapshot.devices.contains(&device));
        }
        if snapshot.is_within(DEAD, now) {
            self.refresh_unless_busy(store, now).await;
        } else {
            self.refresh_or_fail(store, now).await?;
        }
        Ok(self.snapshot().devices.contains(&device))
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
        let any = ObjectKey::State(StateKey::DeviceRevoked { device: DeviceId::new(Uuid::nil()) });
        let listed = ranked(store, &any).await?;
        let devices = listed.iter().filter_map(|object| revoked_device(&object.key)).collect();
        let snapshot = Arc::new(Snapshot { taken_at: now, devices });
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// A snapshot without a store.
    #[cfg(test)]
    pub(crate) fn pretend(&self, devices: impl IntoIterator<Item = DeviceId>, now: OffsetDateTime) {
        let snapshot = Snapshot { taken_at: now, devices: devices.into_iter().collect() };
        *self.snapshot.write().unwrap() = Arc::new(snapshot);
    }

    /// Whether nothing is opened any more because nobody knows who was revoked.
    pub(crate) fn are_dead(&self, now: OffsetDateTime) -> bool {
        !self.snapshot().is_within(DEAD, now)
    }

    /// The snapshot's age, and how many devices it names.
    pub(crate) fn state(&self, now: OffsetDateTime) -> (Duration, usize) {
        let snapshot = self.snapshot();
        (now - snapshot.taken_at, snapshot.devices.len())
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn revoked_device(key: &str) -> Option<DeviceId> {
    if let Ok(ObjectKey::State(StateKey::DeviceRevoked { device })) = key.parse() { Some(device) } else { None }
}
