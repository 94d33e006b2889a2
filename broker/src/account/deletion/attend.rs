//! Goes on with deletions: what the bucket says is under way, whoever began it.

use std::sync::atomic::AtomicU64;

use tidegate_protocol::capability::Precondition;
use tidegate_protocol::{DeviceId, ObjectKey, StateKey, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::document::{DeletionDocument, Remnants};
use super::sweep;
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::session::{EndReason, end_sessions};
use crate::store::{StoreError, create_once, folder_of, read};

/// Takes every deletion as far as it can go now. One that fails is logged and tried again the next time.
pub(crate) async fn attend(broker: &Broker) -> Result<(), StoreError> {
    let any = DeletionDocument::key(UserId::new(Uuid::nil()));
    let listed = broker.store.list(&folder_of(&any)).await?;
    let users: Vec<UserId> = listed.iter().filter_map(|object| user_in(&object.key)).collect();
    broker.audit.forget_only(users.iter().copied());
    for user in users {
        if let Err(error) = go_on(broker, user).await {
            tracing::warn!(%error, "an account could not be deleted to its end; it is tried again");
        }
    }
    Ok(())
}

fn user_in(key: &str) -> Option<UserId> {
    if let Ok(ObjectKey::State(StateKey::AccountDeletion { user })) = key.parse() { Some(user) } else { None }
}

/// Writes down that the account is to be deleted, and ends its sessions; gives what stands.
pub(super) async fn begin(
    broker: &Broker,
    user: UserId,
    device: DeviceId,
    now: OffsetDateTime,
) -> Result<DeletionDocument, StoreError> {
    let key = DeletionDocument::key(user);
    let document = match read::<DeletionDocument>(&broker.store, &key).await? {
        Some(found) => found.document,
        None => {
            let mut devices = sweep::devices_of(broker, user).await?;
            if !devices.contains(&device) {
                devices.push(device);
            }
            let document = DeletionDocument::new(device, devices, now);
            write(broker, &key, document).await?
        }
    };
    broker.audit.forget(user);
    end_sessions(broker, user, None, EndReason::AccountDeleted, now).await?;
    Ok(document)
}

/// Of two that ask at once one stands; where the store cannot tell, either does.
async fn write(broker: &Broker, key: &ObjectKey, document: DeletionDocument) -> Result<DeletionDocument, StoreError> {
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            if create_once(&broker.store, key, &document).await? {
                return Ok(document);
            }
            let stands = read::<DeletionDocument>(&broker.store, key).await?;
            Ok(stands.map_or(document, |stands| stands.document))
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            broker.store.put_document(key, &document).await?;
            Ok(document)
        }
    }
}

/// Deletes everything that is there, and writes down that it is done.
pub(super) async fn sweep_first(
    broker: &Broker,
    user: UserId,
    document: DeletionDocument,
    deleted: &AtomicU64,
) -> Result<(), StoreError> {
    sweep::sweep(broker, user, &document, deleted).await?;
    let now = broker.clock.now();
    note(broker, user, &document, Action::AccountSwept { is_last: false }, now);
    let document = DeletionDocument { swept_at: Some(now), ..document };
    broker.store.put_document(&DeletionDocument::key(user), &document).await
}

async fn go_on(broker: &Broker, user: UserId) -> Result<(), StoreError> {
    let Some(found) = read::<DeletionDocument>(&broker.store, &DeletionDocument::key(user)).await? else { return Ok(()) };
    let (document, now) = (found.document, broker.clock.now());
    if document.swept_at.is_none() {
        // Whoever began may have ended before its sessions were.
        end_sessions(broker, user, None, EndReason::AccountDeleted, now).await?;
        return sweep_first(broker, user, document, &AtomicU64::new(0)).await;
    }
    if now >= document.over_at(Remnants::of(broker)) {
        sweep::finish(broker, user, &document).await?;
        note(broker, user, &document, Action::AccountSwept { is_last: true }, now);
    }
    Ok(())
}

/// A line of the audit, and nothing in the bucket: there is to be nothing of the account.
pub(super) fn note(broker: &Broker, user: UserId, document: &DeletionDocument, action: Action, now: OffsetDateTime) {
    broker.audit.note(Event { at: now, user, device: document.device, action });
}
