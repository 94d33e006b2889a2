//! Putting new keys in the place of the account's, and taking up those that another device has put there.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tidegate_protocol::Space;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::AccountScope;
use tidegate_sync_core::engine::SyncOptions;
use tidegate_sync_core::keys::RecoveryCode;

use super::syncing::sync;
use super::{SyncClient, refusal};
use crate::clock::StoreClock;
use crate::crash;
use crate::device::{Device, identity, keys_of, lock_home};
use crate::enrol::{self, Reach, new_keys, open_account, own_grants, rename_device_file};
use crate::error::Error;
use crate::home::{Home, HomeLock, MadeKeys, NewKeys, Standing};
use crate::options::Options;
use crate::session::{AccountClaim, Ticket};
use crate::transport::{PutCondition, Transport};

impl SyncClient {
    /// The first step of shutting out a stolen device: decides new keys for the account and gives the recovery code that comes with
    /// them. Nothing counts yet; [`SyncClient::replace_keys`] makes it so. Called again it gives the same code.
    ///
    /// # Errors
    /// `recovery-code-wrong`; `new-keys-need-broker` for an account straight on a store; else as [`SyncClient::sync`].
    pub async fn prepare_new_keys(home: &Path, recovery_code: &RecoveryCode, options: &Options) -> Result<RecoveryCode, Error> {
        let home = Home::new(home);
        let lock = HomeLock::new(&home, options.home_wait);
        let _guard = lock_home(&lock).await?;
        let keys = keys_of(&home, &lock)?;
        match NewKeys::load(&home)? {
            // Whoever brings the code that these keys came with has kept it: this is about the next ones.
            Some(NewKeys { made: Some(made), standing: Standing::Count, .. })
                if made.recovery.words() == recovery_code.words() =>
            {
                NewKeys::remove(&home)?;
            }
            Some(NewKeys { made: Some(made), .. }) => return Ok(made.recovery),
            Some(NewKeys { standing: Standing::Asked, .. }) => return Err(Error::NewKeysUnsettled),
            Some(_) | None => {}
        }
        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let reach = enrol::open_reach(&keys.remote, &keys.dpop, &home, options, clock)?;
        if matches!(reach, Reach::Direct(_)) {
            return Err(Error::NewKeysNeedBroker);
        }
        let opened = open_account(&*reach.transport(), keys.user, recovery_code).await?;
        if opened.stated.number() != keys.generation || opened.master.secret() != keys.master.secret() {
            return Err(Error::RecoveryCodeWrong { user: keys.user });
        }
        let new = new_keys::decide(keys.user, &opened, recovery_code)?;
        new.save(&home)?;
        crash::point("new-keys-decided");
        Ok(new.made.ok_or_else(|| Error::bug("new keys without a recovery code"))?.recovery)
    }

    /// The second step: the new keys take the place of the account's. Every session ends but this device's; the account's other
    /// devices take part again once they have taken up the keys ([`SyncClient::take_up_keys`]), and whoever has a device without the
    /// recovery code never does. What was sealed before stays readable for who could read it; what is sealed from now on does not open
    /// with the old keys. The next [`SyncClient::sync`] writes everything down anew under the new ones.
    ///
    /// # Errors
    /// `new-keys-not-prepared`; `statement-conflict` or `account-keys-replaced` where another device was first; else as
    /// [`SyncClient::sync`]. It can be repeated, and goes on where it stopped.
    pub async fn replace_keys(home: &Path, options: Options) -> Result<Self, Error> {
        let home = Home::new(home);
        let lock = HomeLock::new(&home, options.home_wait);
        let _guard = lock_home(&lock).await?;
        let mut new = NewKeys::load(&home)?.ok_or_else(|| Error::NewKeysNotPrepared { path: home.path().to_owned() })?;
        if new.standing != Standing::Count {
            let device = Device::open(home.clone(), lock.clone(), options.clone())?;
            match make_count(&device, &mut new).await {
                // Nobody was asked to let these count: they never will. Once the broker was asked, an answer may have been lost.
                Err(error) if new.standing == Standing::Decided && is_replaced(&error) => {
                    NewKeys::remove(&home)?;
                    return Err(error);
                }
                made => made?,
            }
            device.close()?;
        }
        Ok(Self { device: Arc::new(Device::open(home, lock, options)?) })
    }

    /// Takes up the keys that another device has put in the place of the account's, with the recovery code that came with them, and
    /// signs in again. Edits that were not sent yet go out under the new keys, and everything that this device holds is written down
    /// anew with the next [`SyncClient::sync`].
    ///
    /// # Errors
    /// `recovery-code-wrong` for one that does not open later keys than this device has; `new-keys-need-broker`; else as
    /// [`SyncClient::join`]. It can be repeated.
    pub async fn take_up_keys(
        home: &Path,
        ticket: &Ticket,
        recovery_code: &RecoveryCode,
        options: Options,
    ) -> Result<Self, Error> {
        let home = Home::new(home);
        let lock = HomeLock::new(&home, options.home_wait);
        let _guard = lock_home(&lock).await?;
        let keys = keys_of(&home, &lock)?;
        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let reach = enrol::open_reach(&keys.remote, &keys.dpop, &home, &options, clock)?;
        let Reach::Broker(session, _) = &reach else { return Err(Error::NewKeysNeedBroker) };
        let transport = reach.transport();
        session.check_broker(&options.retry).await?;
        if session.begin(ticket, &options.retry).await? != keys.user {
            return Err(Error::AccountMissing);
        }
        let opened = open_account(&*transport, keys.user, recovery_code).await?;
        if opened.stated.number() <= keys.generation {
            return Err(Error::RecoveryCodeWrong { user: keys.user });
        }
        let is_this = |made: &MadeKeys| made.recovery.words() == recovery_code.words();
        let made = NewKeys::load(&home)?.and_then(|new| new.made).filter(is_this);
        let generation = opened.stated.number();
        let mut new = NewKeys { generation, master: opened.master, standing: Standing::Asked, made, grants: Vec::new() };
        new.save(&home)?;
        crash::point("new-keys-found");
        let account = new.master.account_keys();
        let claim = AccountClaim { user: keys.user, genesis: &keys.genesis, keys: &account };
        match session.prove(ticket, claim, &options.retry).await {
            Ok(AccountScope::Full) => {}
            Ok(AccountScope::Create | AccountScope::Bootstrap) => session.link(keys.user, &options.retry).await?,
            Err(error) => {
                // Keys that somebody decided on and never had counted: what this device has is as good as before.
                if is_no_key_of_account(&error) && new.made.is_none() {
                    NewKeys::remove(&home)?;
                }
                return Err(error);
            }
        }
        let (grants, keyring) = own_grants(&*transport, keys.user, &account, generation).await?;
        if keyring.current(Space::Account(keys.user)).is_none() {
            return Err(Error::AccountIncomplete { user: keys.user, missing: "the grant of its own key" });
        }
        new.grants = grants.into_values().collect();
        new.standing = Standing::Count;
        new.save(&home)?;
        crash::point("new-keys-proven");
        Ok(Self { device: Arc::new(Device::open(home, lock, options)?) })
    }
}

/// Whether the broker knows the account by other keys than those that were proven.
fn is_no_key_of_account(error: &Error) -> bool {
    matches!(error, Error::Problem { code: ProblemCode::AccountProofInvalid | ProblemCode::AccountKeysReplaced, .. })
}

/// Whether other keys than those that this device has count now.
fn is_replaced(error: &Error) -> bool {
    matches!(error, Error::Problem { code: ProblemCode::StatementConflict | ProblemCode::AccountKeysReplaced, .. })
}

/// Stores what goes with the new keys and has them counted.
async fn make_count(device: &Device, new: &mut NewKeys) -> Result<(), Error> {
    let Reach::Broker(session, transport) = device.reach()? else { return Err(Error::NewKeysNeedBroker) };
    let user = device.keys.user;
    if new.standing == Standing::Decided {
        // All that others have signed so far is taken in first: what comes later under the old keys counts for nothing.
        sync(device, SyncOptions::default(), &|_progress| {}).await?;
        let held = device.read(|state| Ok(state.engine.keyring().clone()))?;
        new_keys::grant_anew(user, &held, new);
        new.save(&device.home)?;
        crash::point("new-keys-granted-anew");
        new_keys::store(&*transport, user, new, made_here(new)?).await?;
        store_checkpoints(device, &*transport, new).await?;
        crash::point("new-keys-stored");
        new.standing = Standing::Asked;
        new.save(&device.home)?;
    }
    let account = new.master.account_keys();
    let claim = AccountClaim { user, genesis: &device.keys.genesis, keys: &account };
    session.replace_keys(claim, &made_here(new)?.statement, &device.options.retry).await?;
    crash::point("new-keys-replaced");
    new.standing = Standing::Count;
    new.save(&device.home)
}

/// Stores a checkpoint of each space, signed under the new keys: with it, whoever has the new code has all that there was, whatever
/// becomes of this device.
async fn store_checkpoints(device: &Device, transport: &dyn Transport, new: &NewKeys) -> Result<(), Error> {
    let identity = identity(&new_keys::keys_under(&device.keys, new));
    let granted = new_keys::keyring_under(device.keys.user, new);
    for space in granted.spaces() {
        let Some(keys) = granted.current(space) else { continue };
        let written = device.read(|state| Ok(state.engine.write_down_as(&identity, keys, &mut crate::random::system())))?;
        for (key, body) in written.ok_or_else(|| Error::bug("a checkpoint cannot be sealed"))? {
            transport.put(&key, Bytes::from(body), &PutCondition::Absent).await?;
        }
    }
    Ok(())
}

/// What goes with keys that this device has made; those of others are taken up with their code.
fn made_here(new: &NewKeys) -> Result<&MadeKeys, Error> {
    new.made.as_ref().ok_or(Error::NewKeysUnsettled)
}

/// Whether a device may go by the keys that it has: not while it is open whether others count.
pub(super) fn check_settled(home: &Home) -> Result<(), Error> {
    match NewKeys::load(home)? {
        Some(NewKeys { standing: Standing::Asked, .. }) => Err(Error::NewKeysUnsettled),
        Some(_) | None => Ok(()),
    }
}

/// Writes this device's file and the members' entries under keys that were just taken up.
pub(super) async fn introduce_anew(device: &Device, transport: &dyn Transport) -> Result<(), Error> {
    let keyring = device.read(|state| Ok(state.engine.keyring().clone()))?;
    rename_device_file(transport, &device.keys, &keyring, &device.keys.device_name, device.clock.now()).await?;
    let renewed = device.edit_all(|state, now_ms| {
        let edits = state.engine.renew_member_entries(now_ms, &mut crate::random::system()).map_err(refusal)?;
        Ok(edits.into_iter().map(|edit| (edit, ())).collect())
    })?;
    tracing::debug!(members = renewed.len(), "the members' entries name the grants under the new keys");
    Ok(())
}
