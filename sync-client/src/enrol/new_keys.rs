//! New keys of an account: deciding them, storing what has to be there before they count, and taking them up.

use tidegate_protocol::{Digest, ObjectKey, UserId};
use tidegate_sync_core::keys::{
    AccountKeys, Keyring, MasterKey, RecoveryCode, SlotSecret, grant_id, make_master_keys, open_own_grant, regrant,
};

use super::account::{OpenedAccount, put_once};
use crate::crash;
use crate::error::Error;
use crate::home::{Enrolment, Home, Keys, MadeKeys, NewKeys, Standing};
use crate::local::{Database, KeptGrants};
use crate::transport::Transport;

/// Decides the keys that follow on those that `recovery` opened. Nothing is sent.
pub(crate) fn decide(user: UserId, opened: &OpenedAccount, recovery: &RecoveryCode) -> Result<NewKeys, Error> {
    let mut rng = crate::random::system();
    let (new_recovery, master) = (RecoveryCode::generate(&mut rng), MasterKey::generate(&mut rng));
    let statement = opened
        .stated
        .state_next(recovery, &new_recovery, master.account_keys().public())
        .map_err(|error| Error::bug(format!("the new keys cannot be stated: {error}")))?;
    let generation = opened.stated.number() + 1;
    let master_keys = make_master_keys(user, generation, &master, &[SlotSecret::Recovery(&new_recovery)], &mut rng)
        .map_err(|error| Error::bug(format!("the master key cannot be wrapped: {error}")))?;
    let made = MadeKeys { recovery: new_recovery, statement, master_keys };
    Ok(NewKeys { generation, master, standing: Standing::Decided, made: Some(made), grants: Vec::new() })
}

/// Grants the keys of all spaces anew, as far as that is not decided yet.
pub(crate) fn grant_anew(user: UserId, held: &Keyring, new: &mut NewKeys) {
    let account = new.master.account_keys();
    let granted = keyring_under(user, new);
    let more = regrant(user, &account, held, &granted, &mut crate::random::system());
    new.grants.extend(more.into_iter().map(|(_, blob)| blob));
}

/// The keys of spaces in the grants that were decided.
pub(crate) fn keyring_under(user: UserId, new: &NewKeys) -> Keyring {
    keyring_of(user, &new.master.account_keys(), new.generation, new.grants.iter().map(Vec::as_slice))
}

/// What this device will be under keys that do not count yet.
pub(crate) fn keys_under(keys: &Keys, new: &NewKeys) -> Keys {
    Keys { generation: new.generation, master: new.master.clone(), ..keys.clone() }
}

/// Stores what has to be in the store before the keys count: without it nobody could read on.
pub(crate) async fn store(transport: &dyn Transport, user: UserId, new: &NewKeys, made: &MadeKeys) -> Result<(), Error> {
    let generation = new.generation;
    let key = ObjectKey::MasterKeys { user, generation, digest: Digest::of(&made.master_keys) };
    put_once(transport, &key, &made.master_keys).await?;
    let key = ObjectKey::PublicKeys { user, generation, digest: Digest::of(&made.statement) };
    put_once(transport, &key, &made.statement).await?;
    for blob in &new.grants {
        put_once(transport, &ObjectKey::AccessGrant { user, grant: grant_id(blob) }, blob).await?;
    }
    Ok(())
}

/// Takes up keys that count: first the grants, then the keys. Stopped in between, whoever opens the home next goes on here. The caller
/// holds the home's lock.
///
/// A space whose key was not granted under the new keys yet (a member that was added here meanwhile, or on a device that others had
/// not heard of) is granted now, and that is sent with the next sync.
pub(crate) fn take_up(home: &Home, keys: &Keys, new: &NewKeys) -> Result<Keys, Error> {
    let taken_up = keys_under(keys, new);
    let (before, account) = (keys.master.account_keys(), new.master.account_keys());
    let mut database = Database::open(home, keys)?;
    let here = database.grants()?;
    let opens = |blob: &[u8]| open_own_grant(grant_id(blob), blob, keys.user, &account, new.generation).is_ok();

    let mut grants: KeptGrants = new.grants.iter().map(|blob| (grant_id(blob), (blob.clone(), false))).collect();
    for (grant, (blob, unsent)) in &here {
        if opens(blob) {
            grants.entry(*grant).or_insert_with(|| (blob.clone(), *unsent));
        }
    }
    let held = keyring_of(keys.user, &before, keys.generation, here.values().map(|(blob, _)| blob.as_slice()));
    let granted = keyring_of(keys.user, &account, new.generation, grants.values().map(|(blob, _)| blob.as_slice()));
    for (grant, blob) in regrant(keys.user, &account, &held, &granted, &mut crate::random::system()) {
        grants.insert(grant, (blob, true));
    }
    database.replace_grants(&grants)?;
    database.close()?;
    crash::point("new-keys-granted");
    taken_up.save(home)?;
    crash::point("new-keys-taken-up");
    // The code that came with the keys before opens nothing any more; nobody is to be shown it.
    Enrolment::remove(home)?;
    if new.made.is_none() {
        NewKeys::remove(home)?;
    }
    Ok(taken_up)
}

/// The keys in those of these grants that open for the account.
fn keyring_of<'a>(user: UserId, account: &AccountKeys, generation: u32, grants: impl Iterator<Item = &'a [u8]>) -> Keyring {
    let mut keyring = Keyring::new();
    for blob in grants {
        if let Ok(opened) = open_own_grant(grant_id(blob), blob, user, account, generation) {
            keyring.insert(opened.keys);
        }
    }
    keyring
}
