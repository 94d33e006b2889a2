//! From an account's id and a recovery code to its master key, believing nothing that the store shows.

use bytes::Bytes;
use tidegate_protocol::{ListPrefix, ObjectKey, UserId};
use tidegate_sync_core::keys::{KeyGeneration, MasterKey, MasterKeys, MasterKeysError, RecoveryCode, SlotSecret};

use crate::error::Error;
use crate::transport::{GetOptions, GetOutcome, ListEntry, PutCondition, Transport};

/// Genesis and master-keys objects have at most 16 KiB.
const LIMIT: u64 = 16 * 1024;

/// An account, opened.
pub(crate) struct OpenedAccount {
    pub(crate) genesis: Vec<u8>,
    /// The keys as they follow from the genesis.
    pub(crate) stated: KeyGeneration,
    pub(crate) master: MasterKey,
}

/// Reads the account's keys and the master key, the newest generation first. The keys are those that the recovery code opens; whether
/// others have taken their place since, the broker says.
pub(crate) async fn open_account(
    transport: &dyn Transport,
    user: UserId,
    recovery: &RecoveryCode,
) -> Result<OpenedAccount, Error> {
    let genesis = read(transport, &ObjectKey::Genesis { user }).await?.ok_or(Error::AccountMissing)?;
    let first = KeyGeneration::of_genesis(user, &genesis).map_err(Error::Genesis)?;
    let mut stored = list_all(transport, &ListPrefix::MasterKeys(user)).await?;
    stored.sort_by_key(|entry| std::cmp::Reverse(generation_of(&entry.key)));
    if stored.is_empty() {
        return Err(Error::AccountIncomplete { user, missing: "its master key" });
    }
    // Most accounts have but their first keys: then there is nothing to list.
    let has_others = stored.iter().any(|entry| generation_of(&entry.key).is_some_and(|generation| generation > 0));
    let generations = if has_others { generations(transport, user, first).await? } else { vec![first] };
    let mut refusal = Error::RecoveryCodeWrong { user };
    for entry in &stored {
        let Some(bytes) = read(transport, &entry.key).await? else { continue };
        match open_master(user, recovery, &entry.key, &bytes) {
            Ok(master) => {
                let (number, keys) = (generation_of(&entry.key), master.account_keys());
                let is_theirs =
                    |stated: &&KeyGeneration| Some(stated.number()) == number && stated.public_keys() == keys.public();
                match generations.iter().find(is_theirs) {
                    Some(stated) => return Ok(OpenedAccount { genesis, stated: stated.clone(), master }),
                    None => refusal = Error::MasterKeys(MasterKeysError::MacMismatch),
                }
            }
            Err(MasterKeysError::NoSlotOpens) => {}
            Err(error) => refusal = Error::MasterKeys(error),
        }
    }
    Err(refusal)
}

/// All generations of the account's keys that follow from its genesis by the word of recovery keys. Of one number there may be
/// several: somebody was stopped before theirs counted. What a thief has put there has no such word, and is passed over.
async fn generations(transport: &dyn Transport, user: UserId, first: KeyGeneration) -> Result<Vec<KeyGeneration>, Error> {
    let mut found = vec![first];
    let mut last = found.clone();
    let stored = list_all(transport, &ListPrefix::PublicKeys(user)).await?;
    while let Some(before) = last.first() {
        let number = before.number().saturating_add(1);
        let is_next = |entry: &&ListEntry| matches!(entry.key, ObjectKey::PublicKeys { generation, .. } if generation == number);
        let mut next = Vec::new();
        for entry in stored.iter().filter(is_next) {
            let Some(bytes) = read(transport, &entry.key).await? else { continue };
            next.extend(last.iter().filter_map(|before| before.followed_by(&bytes).ok()));
        }
        found.extend(next.iter().cloned());
        last = next;
    }
    Ok(found)
}

fn open_master(user: UserId, recovery: &RecoveryCode, key: &ObjectKey, bytes: &[u8]) -> Result<MasterKey, MasterKeysError> {
    let document = MasterKeys::parse(bytes)?;
    if Some(document.generation()) != generation_of(key) {
        return Err(MasterKeysError::MacMismatch);
    }
    document.open(user, SlotSecret::Recovery(recovery))
}

fn generation_of(key: &ObjectKey) -> Option<u32> {
    if let ObjectKey::MasterKeys { generation, .. } = key { Some(*generation) } else { None }
}

/// Stores an object whose key follows from its bytes; that it is there already is as good.
pub(super) async fn put_once(transport: &dyn Transport, key: &ObjectKey, bytes: &[u8]) -> Result<(), Error> {
    transport.put(key, Bytes::copy_from_slice(bytes), &PutCondition::Absent).await.map(drop)
}

/// The bytes of a small object, its digest checked where its key has one; `None` if there is none.
pub(super) async fn read(transport: &dyn Transport, key: &ObjectKey) -> Result<Option<Vec<u8>>, Error> {
    let options = GetOptions { limit: LIMIT, ..GetOptions::default() };
    let GetOutcome::Found(fetched) = transport.get(key, &options).await? else { return Ok(None) };
    let found = tidegate_protocol::Digest::of(&fetched.body);
    if key.digest().is_some_and(|digest| digest != found) {
        return Err(Error::ContentDamaged { what: key.to_string(), reason: "digest-mismatch".to_owned() });
    }
    Ok(Some(fetched.body.to_vec()))
}

/// Every object in a folder.
pub(super) async fn list_all(transport: &dyn Transport, prefix: &ListPrefix) -> Result<Vec<ListEntry>, Error> {
    let mut entries = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = transport.list(prefix, token.as_deref()).await?;
        entries.extend(page.entries);
        if page.next.is_none() || page.next == token {
            return Ok(entries);
        }
        token = page.next;
    }
}
