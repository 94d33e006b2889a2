//! Deletes what an account has in the bucket. Each step can be repeated, and whatever ends in between is.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt as _};
use tidegate_protocol::{AccountFolder, DeviceId, ObjectKey, StateKey, TokenHolder, UserId};
use uuid::Uuid;

use super::document::DeletionDocument;
use super::gone::note_gone;
use crate::broker::Broker;
use crate::identity::LinkDocument;
use crate::store::{StoreError, folder_of, read};

/// Calls to the store that are kept under way.
const CALLS_AT_ONCE: usize = 16;
/// A folder that is not empty after so many rounds is one that the store does not empty.
const MOST_ROUNDS: usize = 5;

/// Deletes everything but what says that the account is being deleted; counts the account's own objects.
pub(super) async fn sweep(
    broker: &Broker,
    user: UserId,
    document: &DeletionDocument,
    deleted: &AtomicU64,
) -> Result<(), StoreError> {
    abort_uploads(broker, user).await?;
    empty(broker, AccountFolder::Objects(user), deleted).await?;
    for device in &document.devices {
        broker.store.delete(&ObjectKey::State(StateKey::DeviceRevoked { device: *device })).await?;
    }
    // What names the account elsewhere goes before the notes by which it is found.
    unlink(broker, user).await?;
    let uncounted = AtomicU64::new(0);
    for folder in [AccountFolder::Account(user), AccountFolder::Renewals(user), AccountFolder::Audit(user)] {
        empty(broker, folder, &uncounted).await?;
    }
    Ok(())
}

/// Deletes what is left once nothing of the account lives any more; what says that it was being deleted goes last.
pub(super) async fn finish(broker: &Broker, user: UserId, document: &DeletionDocument) -> Result<(), StoreError> {
    let uncounted = AtomicU64::new(0);
    sweep(broker, user, document, &uncounted).await?;
    // Before the first of what has kept the account from being opened until now.
    note_gone(broker, user).await?;
    forget_notes(broker, user, &document.devices).await?;
    empty(broker, AccountFolder::EndedSessions(user), &uncounted).await?;
    broker.store.delete(&DeletionDocument::key(user)).await
}

/// The account's devices, as far as the bucket tells them.
pub(super) async fn devices_of(broker: &Broker, user: UserId) -> Result<Vec<DeviceId>, StoreError> {
    let mut devices = Vec::new();
    for folder in [AccountFolder::Devices(user), AccountFolder::Renewals(user), AccountFolder::EndedSessions(user)] {
        let listed = broker.store.list(&folder.to_string()).await?;
        devices.extend(listed.iter().filter_map(|object| device_in(&object.key)));
    }
    devices.sort_unstable();
    devices.dedup();
    Ok(devices)
}

const fn device_of(key: &ObjectKey) -> Option<DeviceId> {
    if let ObjectKey::DeviceFile { device, .. } | ObjectKey::Segment { device, .. } = key {
        return Some(*device);
    }
    if let ObjectKey::State(StateKey::Renewal { device, .. } | StateKey::SessionsEnded { device: Some(device), .. }) = key {
        return Some(*device);
    }
    None
}

fn device_in(key: &str) -> Option<DeviceId> {
    key.parse::<ObjectKey>().ok().as_ref().and_then(device_of)
}

/// Deletes every object of the folder, whatever its name.
async fn empty(broker: &Broker, folder: AccountFolder, deleted: &AtomicU64) -> Result<(), StoreError> {
    let prefix = folder.to_string();
    for _ in 0..MOST_ROUNDS {
        let mut found = false;
        let mut token = None;
        loop {
            let mut page = broker.store.list_page(&prefix, token).await?;
            // Whatever a store makes of a prefix: nothing of another account is deleted.
            page.objects.retain(|object| object.key.starts_with(&prefix));
            found |= !page.objects.is_empty();
            let deletions: Vec<_> = page.objects.iter().map(|object| broker.store.delete_named(&object.key)).collect();
            let mut deletions = stream::iter(deletions).buffer_unordered(CALLS_AT_ONCE);
            while let Some(done) = deletions.next().await {
                done?;
                deleted.fetch_add(1, Ordering::Relaxed);
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        if !found {
            return Ok(());
        }
    }
    Err(StoreError::Object { key: prefix, fault: "a folder that is not empty, however often it is emptied" })
}

/// Uploads in parts that were begun and never ended: their parts are no objects, and stay.
async fn abort_uploads(broker: &Broker, user: UserId) -> Result<(), StoreError> {
    let uploads = match broker.store.uploads(&AccountFolder::Objects(user).to_string()).await {
        Ok(uploads) => uploads,
        Err(error) if error.is_refusal() => {
            // The objects matter more than parts that a lifecycle of the bucket takes away.
            tracing::warn!(%error, "the store lists no uploads in parts; what was begun stays until a lifecycle ends it");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for upload in uploads {
        broker.store.abort_named_upload(&upload.key, &upload.id).await?;
    }
    Ok(())
}

/// Deletes the links and slots that name the account.
async fn unlink(broker: &Broker, user: UserId) -> Result<(), StoreError> {
    for object in broker.store.list(&AccountFolder::Account(user).to_string()).await? {
        let Ok(ObjectKey::State(key)) = object.key.parse() else { continue };
        if let StateKey::AccountLink { identity, .. } = key {
            let link = ObjectKey::State(StateKey::Link { identity });
            // One that leads elsewhere by now is another account's.
            if read::<LinkDocument>(&broker.store, &link).await?.is_some_and(|link| link.document.user == user) {
                broker.store.delete(&link).await?;
            }
            broker.store.delete(&ObjectKey::State(StateKey::LinkCandidate { identity, user })).await?;
        }
        if let StateKey::AccountSlot { invite, thumbprint, .. } = key {
            broker.store.delete(&ObjectKey::State(StateKey::InviteSlot { invite, thumbprint })).await?;
        }
    }
    Ok(())
}

/// Deletes the notes by which replicas know that tokens have ended: the tokens have ended by themselves.
async fn forget_notes(broker: &Broker, user: UserId, devices: &[DeviceId]) -> Result<(), StoreError> {
    let whose = TokenHolder::User(UserId::new(Uuid::nil()));
    let any = ObjectKey::State(StateKey::EndedLately { before: 0, whose });
    for object in broker.store.list(&folder_of(&any)).await? {
        let Ok(ObjectKey::State(StateKey::EndedLately { whose, .. })) = object.key.parse() else { continue };
        let is_of_account = match whose {
            TokenHolder::User(found) => found == user,
            TokenHolder::Device(device) => devices.contains(&device),
        };
        if is_of_account {
            broker.store.delete_named(&object.key).await?;
        }
    }
    Ok(())
}
