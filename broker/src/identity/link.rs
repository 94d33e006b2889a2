//! Links: which account an outside identity opens.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use tidegate_protocol::account::lp;
use tidegate_protocol::capability::Precondition;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey, UserId};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::config::ServerIdKey;
use crate::store::{StoreError, create_once, put_and_rank, ranked, read};

const FORMAT: &str = "tidegate/link/v1";

/// `_tidegate/links/{identity}.json`, or on stores without atomic create `_tidegate/links/{identity}/{user}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkDocument {
    pub(crate) format: String,
    /// The account that the identity opens.
    pub(crate) user: UserId,
    /// Every account that it ever opened, first to last.
    pub(crate) history: Vec<Linked>,
}

/// One entry of a link's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Linked {
    pub(crate) user: UserId,
    #[serde(with = "timestamp")]
    pub(crate) since: OffsetDateTime,
}

impl LinkDocument {
    pub(crate) fn new(user: UserId, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), user, history: vec![Linked { user, since: now }] }
    }
}

/// The name of a self-host identity's link.
pub(crate) fn self_host_identity(key: &ServerIdKey, name: &str) -> Sha256 {
    identity(key, ["self-host", "", "", name])
}

/// The name of an App Store customer's link: of one app and one environment, so that a purchase in the sandbox leads nowhere that a
/// real one does.
pub(crate) fn app_store_identity(key: &ServerIdKey, bundle: &str, environment: &str, subject: &str) -> Sha256 {
    identity(key, ["app-store", bundle, environment, subject])
}

/// Kind, issuer, environment and subject under one name. Keyed, so that the bucket does not tell who the users are.
fn identity(key: &ServerIdKey, fields: [&str; 4]) -> Sha256 {
    let fields = fields.map(str::as_bytes);
    let message: Vec<u8> = fields.into_iter().flat_map(lp).collect();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &message);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    Sha256::from_bytes(bytes)
}

/// The account that the identity opens, if any.
pub(crate) async fn find(broker: &Broker, identity: Sha256) -> Result<Option<UserId>, StoreError> {
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::Link { identity });
            Ok(read::<LinkDocument>(&broker.store, &key).await?.map(|link| link.document.user))
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            let any = candidate(identity, UserId::new(uuid::Uuid::nil()));
            Ok(first_user(&ranked(&broker.store, &any).await?))
        }
    }
}

/// The whole link, with the accounts that it led to before. Only where creating is atomic: elsewhere there is no one document.
pub(crate) async fn find_with_history(broker: &Broker, identity: Sha256) -> Result<Option<LinkDocument>, StoreError> {
    let key = ObjectKey::State(StateKey::Link { identity });
    Ok(read::<LinkDocument>(&broker.store, &key).await?.map(|link| link.document))
}

/// Links the identity to the account unless it is linked; says to which account it is linked now.
pub(crate) async fn create(broker: &Broker, identity: Sha256, user: UserId) -> Result<UserId, StoreError> {
    let document = LinkDocument::new(user, broker.clock.now());
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::Link { identity });
            if create_once(&broker.store, &key, &document).await? {
                return Ok(user);
            }
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            // Writing a candidate twice would make it younger, and another's could become the first.
            if let Some(linked) = find(broker, identity).await? {
                return Ok(linked);
            }
            put_and_rank(&broker.store, &candidate(identity, user), &document).await?;
        }
    }
    let gone = || StoreError::Object { key: format!("link {identity}"), fault: "gone right after it was written" };
    find(broker, identity).await?.ok_or_else(gone)
}

fn candidate(identity: Sha256, user: UserId) -> ObjectKey {
    ObjectKey::State(StateKey::LinkCandidate { identity, user })
}

fn first_user(listed: &[crate::store::Listed]) -> Option<UserId> {
    listed.iter().find_map(|object| match object.key.parse() {
        Ok(ObjectKey::State(StateKey::LinkCandidate { user, .. })) => Some(user),
        Ok(_) | Err(_) => None,
    })
}
