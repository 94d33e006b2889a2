//! That an account was deleted: all that stays of it, under a name that tells nobody whose it was.
//!
//! Without it the account could be made once more, for its id is a hash of its first keys. A device that has not heard of the deletion
//! would do so by itself, and bring back what it still holds; a thief of keys that were replaced would have an account again that others
//! share with.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, StateKey, UserId};

use crate::broker::Broker;
use crate::identity::link;
use crate::problem::Problem;
use crate::store::StoreError;

const FORMAT: &str = "tidegate/account-gone/v1";

/// `_tidegate/gone/{hmac}.json`: its name says everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GoneDocument {
    pub(crate) format: String,
}

impl GoneDocument {
    pub(crate) fn new() -> Self {
        Self { format: FORMAT.to_owned() }
    }
}

/// Refuses an account that was deleted. Asked wherever an account comes to be: what exists cannot have been deleted.
pub(crate) async fn refuse_gone(broker: &Broker, user: UserId) -> Result<(), Problem> {
    if broker.store.head(&key(broker, user)).await?.is_some() {
        return Err(Problem::new(ProblemCode::AccountDeleted, "the account was deleted; make another one"));
    }
    Ok(())
}

/// Writes down that the account is gone.
pub(super) async fn note_gone(broker: &Broker, user: UserId) -> Result<(), StoreError> {
    broker.store.put_document(&key(broker, user), &GoneDocument::new()).await
}

pub(super) fn key(broker: &Broker, user: UserId) -> ObjectKey {
    ObjectKey::State(StateKey::AccountGone { account: link::deleted_account(&broker.server_id_key, user) })
}
