//! What a proof by the old account does: it ends resets, and undoes those that have moved.

use tidegate_protocol::{ObjectKey, Sha256, StateKey, UserId};

use super::document::ResetDocument;
use crate::broker::Broker;
use crate::identity::link::{self, Move};
use crate::store::{StoreError, Swap, read, swap};

const MOST_RACES: usize = 5;

/// Cancels the resets by these identities, as far as they have not moved: the account's owner is there.
pub(crate) async fn cancel(broker: &Broker, user: UserId, identities: &[Sha256]) -> Result<(), StoreError> {
    for identity in identities {
        // One that has moved is taken back by whoever comes with that identity.
        if link::find(broker, *identity).await? == Some(user) {
            end(broker, user, *identity).await?;
        }
    }
    Ok(())
}

/// Whether the identity leads to the proven account again: a reset had led it away, and here is whoever holds that account.
pub(crate) async fn is_led_back(
    broker: &Broker,
    identity: Sha256,
    linked: Option<UserId>,
    proven: Option<UserId>,
) -> Result<bool, StoreError> {
    match (linked, proven) {
        (Some(linked), Some(proven)) if linked != proven => take_back(broker, identity, proven).await,
        _ => Ok(false),
    }
}

/// Leads the identity back to the account from which resets moved it, by a proof of that account; `false` if none did, or too long ago.
async fn take_back(broker: &Broker, identity: Sha256, user: UserId) -> Result<bool, StoreError> {
    if !broker.rotates() {
        return Ok(false);
    }
    let Some(reset) = read::<ResetDocument>(&broker.store, &key(user, identity)).await? else { return Ok(false) };
    let (reset, now) = (reset.document, broker.clock.now());
    // The name that was asked by goes last: while it leads elsewhere, whatever ended in between is done again.
    for name in reset.also.into_iter().chain([identity]) {
        let Some(link) = link::find_with_history(broker, name).await? else { continue };
        let is_ours = link.left_at(user).is_some_and(|at| ResetDocument::is_returnable(at, now));
        if is_ours {
            link::lead_to(broker, name, link.user, user, Move::Back).await?;
        }
    }
    if link::find(broker, identity).await? != Some(user) {
        return Ok(false);
    }
    end(broker, user, identity).await?;
    Ok(true)
}

/// Writes down that the owner has ended the reset.
pub(super) async fn end(broker: &Broker, user: UserId, identity: Sha256) -> Result<(), StoreError> {
    let key = key(user, identity);
    for _ in 0..MOST_RACES {
        let Some(found) = read::<ResetDocument>(&broker.store, &key).await? else { return Ok(()) };
        if !found.document.stands() {
            return Ok(());
        }
        let ended = ResetDocument { cancelled_at: Some(broker.clock.now()), ..found.document };
        if swap(&broker.store, &key, found.etag.as_deref(), &ended).await? == Swap::Done {
            return Ok(());
        }
    }
    Err(StoreError::Object { key: key.to_string(), fault: "changed by too many at once" })
}

pub(super) const fn key(user: UserId, identity: Sha256) -> ObjectKey {
    ObjectKey::State(StateKey::AccountReset { user, identity })
}
