//! Where an account is named in objects that do not lie in its own folders: noted before they are written, so that a deletion finds
//! them without reading everybody's.

use serde::{Deserialize, Serialize};
use tidegate_protocol::{ObjectKey, Sha256, StateKey, UserId};
use uuid::Uuid;

use crate::broker::Broker;
use crate::store::StoreError;

const FORMAT: &str = "tidegate/account-reference/v1";

/// `_tidegate/accounts/{user}/links/{hmac}.json` and `.../slots/{invite}/{thumbprint}.json`: their names say everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReferenceDocument {
    pub(crate) format: String,
}

impl ReferenceDocument {
    pub(crate) fn new() -> Self {
        Self { format: FORMAT.to_owned() }
    }
}

/// Notes that the identity's link is about to name the account.
pub(crate) async fn note_link(broker: &Broker, user: UserId, identity: Sha256) -> Result<(), StoreError> {
    note(broker, StateKey::AccountLink { user, identity }).await
}

/// Notes that a slot of the invite is about to name the account.
pub(crate) async fn note_slot(broker: &Broker, user: UserId, invite: Uuid, thumbprint: Sha256) -> Result<(), StoreError> {
    note(broker, StateKey::AccountSlot { user, invite, thumbprint }).await
}

async fn note(broker: &Broker, key: StateKey) -> Result<(), StoreError> {
    broker.store.put_document(&ObjectKey::State(key), &ReferenceDocument::new()).await
}
