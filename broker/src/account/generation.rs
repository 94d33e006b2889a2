//! Which keys an account has now: those of its genesis, or of the greatest statement that replaced them.
//!
//! A statement counts once it stands in the broker's own state, where nobody else writes. Statement n is there once: by atomic create,
//! or on stores without it by the LIST rule, where the first that was written holds.

use serde::{Deserialize, Serialize};
use tidegate_protocol::capability::Precondition;
use tidegate_protocol::genesis::{ED25519_PUBLIC_KEY_BYTES, Genesis};
use tidegate_protocol::keys_statement::KeysStatement;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::wire::{Base64Url, timestamp};
use tidegate_protocol::{AccountFolder, Digest, ObjectKey, Sha256, StateKey, UserId};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{Listed, StoreError, create_once, put_and_rank, ranked, read};

const FORMAT: &str = "tidegate/account-keys-kept/v1";

/// `_tidegate/accounts/{user}/{n}.json`, or on stores without atomic create `_tidegate/accounts/{user}/{n}/{digest}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatementDocument {
    pub(crate) format: String,
    /// The statement's exact bytes.
    pub(crate) statement: Base64Url,
    #[serde(with = "timestamp")]
    pub(crate) since: OffsetDateTime,
}

impl StatementDocument {
    pub(crate) fn new(statement: &[u8], now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), statement: Base64Url(statement.to_vec()), since: now }
    }
}

/// An account's keys of one generation, as far as the broker goes by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) number: u32,
    /// SHA-256 of the statement, or of the genesis.
    pub(crate) hash: Sha256,
    /// Signs the next statement.
    pub(crate) recovery: [u8; ED25519_PUBLIC_KEY_BYTES],
    /// Signs account proofs.
    pub(crate) account: [u8; ED25519_PUBLIC_KEY_BYTES],
}

impl Generation {
    /// The first one.
    pub(crate) fn of_genesis(bytes: &[u8], genesis: &Genesis) -> Self {
        Self {
            number: 0,
            hash: Sha256::of(bytes),
            recovery: genesis.recovery_public_key,
            account: genesis.account_ed25519_public_key,
        }
    }

    fn of_statement(bytes: &[u8], statement: &KeysStatement) -> Self {
        Self {
            number: statement.generation,
            hash: Sha256::of(bytes),
            recovery: statement.recovery_public_key,
            account: statement.account_ed25519_public_key,
        }
    }
}

/// What became of a statement that was to be kept.
pub(super) enum Kept {
    /// It stands.
    Yes,
    /// Another of its number stands.
    Other,
}

/// What a proof of the account has to be looked at beside, by one LIST.
pub(crate) struct AccountState {
    /// The greatest generation that replaced the genesis, if any.
    pub(crate) greatest: Option<Generation>,
    /// Identities by which a reset was ever asked for.
    pub(crate) resets: Vec<Sha256>,
}

impl AccountState {
    pub(crate) async fn read(broker: &Broker, user: UserId) -> Result<Self, StoreError> {
        let mut listed = broker.store.list(&AccountFolder::Account(user).to_string()).await?;
        listed.sort_by(|a, b| (a.last_modified, &a.key).cmp(&(b.last_modified, &b.key)));
        let resets = listed.iter().filter_map(|object| reset_in(&object.key)).collect();
        Ok(Self { greatest: greatest_in(broker, user, &listed).await?, resets })
    }
}

fn reset_in(key: &str) -> Option<Sha256> {
    if let Ok(ObjectKey::State(StateKey::AccountReset { identity, .. })) = key.parse() { Some(identity) } else { None }
}

/// The greatest generation that replaced the genesis, if any.
pub(super) async fn greatest(broker: &Broker, user: UserId) -> Result<Option<Generation>, StoreError> {
    AccountState::read(broker, user).await.map(|state| state.greatest)
}

async fn greatest_in(broker: &Broker, user: UserId, listed: &[Listed]) -> Result<Option<Generation>, StoreError> {
    let Some(key) = greatest_of(listed) else { return Ok(None) };
    let damaged = |fault| StoreError::Object { key: key.to_string(), fault };
    let found = read::<StatementDocument>(&broker.store, &key).await?.ok_or_else(|| damaged("gone right after it was listed"))?;
    let bytes = &found.document.statement.0;
    let statement = KeysStatement::parse(bytes).map_err(|_| damaged("not a statement"))?;
    if statement.user != user || Some(statement.generation) != number_of(&key) {
        return Err(damaged("a statement of another account or generation"));
    }
    Ok(Some(Generation::of_statement(bytes, &statement)))
}

/// Refuses a session that was opened under keys that have been replaced since. One HEAD: generations have no gaps.
pub(crate) async fn refuse_replaced(broker: &Broker, user: UserId, generation: u32) -> Result<(), Problem> {
    let next = generation.saturating_add(1);
    let is_replaced = match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::AccountKeys { user, generation: next });
            broker.store.head(&key).await?.is_some()
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            !ranked(&broker.store, &candidate(user, next, Digest::from_bytes([0; 16]))).await?.is_empty()
        }
    };
    if is_replaced { Err(replaced()) } else { Ok(()) }
}

pub(crate) fn replaced() -> Problem {
    let message = "the account's keys were replaced; open the new ones with the new recovery code, and sign in again";
    Problem::new(ProblemCode::AccountKeysReplaced, message)
}

/// Keeps the statement unless another of its number is kept. From then on the keys before it count no more.
pub(super) async fn keep(broker: &Broker, bytes: &[u8], statement: &KeysStatement) -> Result<Kept, StoreError> {
    let (user, generation) = (statement.user, statement.generation);
    let document = StatementDocument::new(bytes, broker.clock.now());
    match broker.profile.conditional_create {
        Precondition::Atomic => {
            let key = ObjectKey::State(StateKey::AccountKeys { user, generation });
            if create_once(&broker.store, &key, &document).await? {
                return Ok(Kept::Yes);
            }
        }
        Precondition::NotAtomic | Precondition::Ignored | Precondition::Refused => {
            let key = candidate(user, generation, Sha256::of(bytes).digest());
            // Written twice it would become younger, and another's could become the first.
            if ranked(&broker.store, &key).await?.is_empty() {
                put_and_rank(&broker.store, &key, &document).await?;
            }
        }
    }
    let stands = greatest(broker, user).await?;
    let is_ours = stands.is_some_and(|stands| stands.number == generation && stands.hash == Sha256::of(bytes));
    Ok(if is_ours { Kept::Yes } else { Kept::Other })
}

/// The key of the statement that counts: of the greatest number, and of several of that number the first.
fn greatest_of(listed: &[Listed]) -> Option<ObjectKey> {
    let mut greatest: Option<(u32, ObjectKey)> = None;
    for object in listed {
        let Ok(key) = object.key.parse::<ObjectKey>() else { continue };
        let Some(number) = number_of(&key) else { continue };
        if greatest.as_ref().is_none_or(|(found, _)| number > *found) {
            greatest = Some((number, key));
        }
    }
    greatest.map(|(_, key)| key)
}

const fn number_of(key: &ObjectKey) -> Option<u32> {
    if let ObjectKey::State(StateKey::AccountKeys { generation, .. } | StateKey::AccountKeysCandidate { generation, .. }) = key {
        Some(*generation)
    } else {
        None
    }
}

fn candidate(user: UserId, generation: u32, digest: Digest) -> ObjectKey {
    ObjectKey::State(StateKey::AccountKeysCandidate { user, generation, digest })
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    #[test]
    fn the_greatest_number_counts_and_of_equals_the_first_that_was_written() {
        let user = UserId::new(Uuid::from_u128(1));
        let key = |generation, digest| candidate(user, generation, Digest::from_bytes([digest; 16]));
        let keys = [key(1, 9), key(9, 3), key(10, 8), key(10, 7)];
        let other = ObjectKey::State(StateKey::AccountLink { user, identity: Sha256::from_bytes([0xff; 32]) });
        let listed: Vec<Listed> = [other]
            .iter()
            .chain(&keys)
            .zip(0..)
            .map(|(key, second)| Listed { key: key.to_string(), last_modified: NOW + Duration::seconds(second) })
            .collect();
        assert_eq!(greatest_of(&listed), Some(key(10, 8)));
        assert_eq!(greatest_of(&listed[..1]), None);
    }
}
