//! From an account's id and a recovery code to its master key, believing nothing that the store shows.

use tidegate_protocol::{ListPrefix, ObjectKey, UserId};
use tidegate_sync_core::keys::{MasterKey, MasterKeys, MasterKeysError, RecoveryCode, SlotSecret, account_public_keys};

use crate::error::Error;
use crate::transport::{GetOptions, GetOutcome, ListEntry, Transport};

/// Genesis and master-keys objects have at most 16 KiB.
const LIMIT: u64 = 16 * 1024;

/// An account, opened.
pub(super) struct OpenedAccount {
    pub(super) genesis: Vec<u8>,
    pub(super) generation: u32,
    pub(super) master: MasterKey,
}

/// Reads genesis and master key, the newest generation first.
pub(super) async fn open_account(
    transport: &dyn Transport,
    user: UserId,
    recovery: &RecoveryCode,
) -> Result<OpenedAccount, Error> {
    let genesis = read(transport, &ObjectKey::Genesis { user }).await?.ok_or(Error::AccountMissing)?;
    let public = account_public_keys(user, &genesis).map_err(Error::Genesis)?;
    let mut stored = list_all(transport, &ListPrefix::MasterKeys(user)).await?;
    stored.sort_by_key(|entry| std::cmp::Reverse(generation_of(&entry.key)));
    if stored.is_empty() {
        return Err(Error::AccountIncomplete { user, missing: "its master key" });
    }
    let mut refusal = Error::RecoveryCodeWrong { user };
    for entry in &stored {
        let Some(bytes) = read(transport, &entry.key).await? else { continue };
        match open_master(user, recovery, &entry.key, &bytes) {
            Ok(master) if master.account_keys().public() == &public => {
                return Ok(OpenedAccount { genesis, generation: generation_of(&entry.key).unwrap_or(0), master });
            }
            Ok(_) => refusal = Error::MasterKeys(MasterKeysError::MacMismatch),
            Err(MasterKeysError::NoSlotOpens) => {}
            Err(error) => refusal = Error::MasterKeys(error),
        }
    }
    Err(refusal)
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
