//! Coming to an account, and coming back to it.

use std::path::Path;
use std::sync::Arc;

use tidegate_protocol::UserId;
use tidegate_protocol::account::app_account_token;
use tidegate_protocol::scope::AccountScope;
use tidegate_sync_core::engine::SyncOptions;
use tidegate_sync_core::keys::RecoveryCode;
use uuid::Uuid;

use super::edits::check_name;
use super::syncing::sync;
use super::{Created, Enrolment, Rebuilt, Reset, SyncClient};
use crate::clock::StoreClock;
use crate::device::{Device, lock_home};
use crate::enrol::{self, Create, IfLinked, Join, Outcome, Reach, own_grants};
use crate::error::Error;
use crate::home::{Enrolment as StartedEnrolment, Home, HomeLock, Keys, NewKeys, Standing};
use crate::local::{self, Database};
use crate::login::{Login, LoginError, LoginPurpose};
use crate::options::Options;
use crate::remote::Remote;
use crate::session::{AccountClaim, Ticket};

impl SyncClient {
    /// Creates an account, or goes on where an earlier call in this home was stopped.
    ///
    /// # Errors
    /// Among others `already-enrolled`, `invite-used-up`, `already-linked` (whoever has the ticket has an account: join it),
    /// `broker-unreachable`, `store-unreachable`. Whatever the error, the call can be repeated.
    pub async fn create_account(home: &Path, enrolment: Enrolment, options: Options) -> Result<Created, Error> {
        match create(home, enrolment, options, IfLinked::Refuse).await? {
            Reset::Done(created) => Ok(*created),
            Reset::Pending(_) => Err(Error::bug("a reset that nobody asked for")),
        }
    }

    /// The same where whoever has the invite or subscription has an account already, whose recovery code and devices are all lost: asks
    /// that it lead to the new account. That takes a week, within which whoever holds the other account can cancel it; the same call in
    /// the same home then completes it. Without such an account it creates one at once.
    ///
    /// # Errors
    /// `reset-cancelled`, `reset-pending` (another home has asked for another account), `reset-not-offered` (by brokers whose store
    /// cannot compare and swap), `broker-missing`; else as [`SyncClient::create_account`].
    pub async fn reset_account(home: &Path, enrolment: Enrolment, options: Options) -> Result<Reset, Error> {
        create(home, enrolment, options, IfLinked::Reset).await
    }

    /// Decides the new account's keys and says which `appAccountToken` a purchase for it has to carry, so that its transactions open
    /// this account and no other. Nothing is sent; [`SyncClient::create_account`] in the same home and for the same remote goes on.
    ///
    /// # Errors
    /// `already-enrolled`, `home-unwritable`, `enrolment-differs`.
    pub async fn app_account_token(home: &Path, remote: Remote, device_name: &str, options: &Options) -> Result<Uuid, Error> {
        check_name("device name", device_name)?;
        let (home, lock) = prepare(home, options)?;
        let _guard = lock_home(&lock).await?;
        if let Some(keys) = Keys::load(&home)? {
            return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user });
        }
        enrol::prepare(&home, remote, device_name).map(app_account_token)
    }

    /// Begins a login with an OpenID provider for a device that is to create or join an account: decides and keeps its keys, and asks
    /// the broker which issuers it trusts. `issuer` is the name or address of one, where there are several. The login's ticket then goes
    /// to [`SyncClient::create_account`] or [`SyncClient::join`] in the same home and for the same remote.
    ///
    /// # Errors
    /// Among others `login-not-offered`, `login-issuer-ambiguous`, `login-issuer-unavailable`, `already-enrolled`, `broker-unreachable`.
    pub async fn begin_login(
        home: &Path,
        remote: Remote,
        device_name: &str,
        purpose: LoginPurpose,
        issuer: Option<&str>,
        options: &Options,
    ) -> Result<Login, Error> {
        check_name("device name", device_name)?;
        let (home, lock) = prepare(home, options)?;
        let dpop = {
            let _guard = lock_home(&lock).await?;
            if let Some(keys) = Keys::load(&home)? {
                return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user });
            }
            match purpose {
                LoginPurpose::Create => enrol::prepare_key(&home, remote.clone(), device_name)?,
                LoginPurpose::Join => enrol::prepare_to_join(&home, remote.clone(), device_name)?,
            }
        };
        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let Reach::Broker(session, _) = enrol::open_reach(&remote, &dpop, &home, options, clock)? else {
            return Err(LoginError::NotOffered.into());
        };
        let capabilities = session.checked_capabilities(&options.retry).await?;
        Login::begin(&session, &capabilities, issuer, options).await
    }

    /// The same for a device that has an account, whose session has ended: the ticket goes to [`SyncClient::sign_in`].
    ///
    /// # Errors
    /// As [`SyncClient::begin_login`].
    pub async fn begin_login_again(&self, issuer: Option<&str>) -> Result<Login, Error> {
        let Reach::Broker(session, _) = self.device.reach()? else { return Err(LoginError::NotOffered.into()) };
        let capabilities = session.checked_capabilities(&self.device.options.retry).await?;
        Login::begin(&session, &capabilities, issuer, &self.device.options).await
    }

    /// Joins an account with its recovery code, or goes on where an earlier call in this home was stopped. `user` says which
    /// account of a bucket that holds several. The content comes with the first [`SyncClient::sync`].
    ///
    /// # Errors
    /// Among others `recovery-code-wrong`, `account-not-found`, `several-accounts`, `invite-used-up`. Whatever the error, the
    /// call can be repeated.
    pub async fn join(
        home: &Path,
        enrolment: Enrolment,
        recovery_code: &RecoveryCode,
        user: Option<UserId>,
        options: Options,
    ) -> Result<Self, Error> {
        let Enrolment { remote, ticket, device_name } = enrolment;
        check_name("device name", &device_name)?;
        let (home, lock) = prepare(home, &options)?;
        let guard = lock_home(&lock).await?;
        if let Some(keys) = Keys::load(&home)? {
            return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user });
        }
        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let join = Join { remote, ticket: ticket.as_ref(), device_name: &device_name, recovery: recovery_code, user };
        enrol::join(&home, join, &options, &clock).await?;
        drop(guard);
        let client = Self { device: Arc::new(Device::open(home, lock, options)?) };
        find_out_about_store(&client.device).await;
        Ok(client)
    }

    /// Makes the local database again from the store; keys stay, edits that were never sent are lost.
    ///
    /// # Errors
    /// As [`SyncClient::sync`]. The damaged database is put aside only once the new one is filled.
    pub async fn rebuild(home: &Path, options: Options) -> Result<Rebuilt, Error> {
        let home = Home::new(home);
        let keys = Keys::load(&home)?.ok_or_else(|| Error::NotEnrolled { path: home.path().to_owned() })?;
        let lock = HomeLock::new(&home, options.home_wait);
        let guard = lock_home(&lock).await?;
        let lost_edits = local::count_unsent(&home);
        // Keys that count and that could not be taken up for the very damage.
        let waiting = NewKeys::load(&home)?.filter(|new| new.wait_for(keys.generation));
        let keys = waiting.as_ref().map_or_else(|| keys.clone(), |new| enrol::new_keys::keys_under(&keys, new));

        let clock = StoreClock::new(Arc::clone(&options.clock), 0);
        let reach = enrol::open_reach(&keys.remote, &keys.dpop, &home, &options, clock.clone())?;
        let (grants, _) = own_grants(&*reach.transport(), keys.user, &keys.master.account_keys(), keys.generation).await?;
        let fresh = home.database().with_extension("db.rebuilt");
        let mut database = Database::create_at(&fresh, &keys, &grants, None, clock.offset_ms())?;
        database.inherit_private(&home);
        // Whether this was still to be done the damaged database can't tell.
        database.set_must_write_down(keys.generation > 0)?;
        let device = Device::assemble(home.clone(), lock.clone(), keys, options.clone(), database)?;
        let report = sync(&device, SyncOptions::default(), &|_progress| {}).await?;
        device.close()?;
        local::replace(&home, &fresh)?;
        drop(guard);
        let client = Self { device: Arc::new(Device::open(home, lock, options)?) };
        Ok(Rebuilt { client, lost_edits, report })
    }

    /// Opens a new session with the broker, after the old one has ended (class re-authenticate, or `renewal-expired`).
    ///
    /// # Errors
    /// Among others `invite-used-up`, `account-proof-invalid`.
    pub async fn sign_in(&self, ticket: &Ticket) -> Result<(), Error> {
        let Reach::Broker(session, _) = self.device.reach()? else { return Ok(()) };
        let _guard = self.device.lock_home().await?;
        let (keys, retry) = (&self.device.keys, &self.device.options.retry);
        session.check_broker(retry).await?;
        let account = keys.master.account_keys();
        let claim = AccountClaim { user: keys.user, genesis: &keys.genesis, keys: &account };
        match session.prove(ticket, claim, retry).await? {
            AccountScope::Full => Ok(()),
            // The broker has forgotten the link, or this is another broker at the same address.
            AccountScope::Create | AccountScope::Bootstrap => session.link(keys.user, retry).await,
        }
    }

    /// The recovery code of a new account, or of new keys, until it was confirmed to be kept.
    ///
    /// # Errors
    /// `home-unreadable`, `local-file-damaged`.
    pub fn recovery_code(&self) -> Result<Option<RecoveryCode>, Error> {
        match NewKeys::load(&self.device.home)?.and_then(|new| new.made) {
            Some(made) => Ok(Some(made.recovery)),
            None => enrol::created_before(&self.device.home),
        }
    }

    /// The recovery code has been written down: it is wiped from this device.
    ///
    /// # Errors
    /// `home-unwritable`.
    pub fn recovery_code_kept(&self) -> Result<(), Error> {
        let (_guard, home) = (self.device.lock.acquire()?, &self.device.home);
        // That of keys that do not count yet is not done with.
        if NewKeys::load(home)?.is_some_and(|new| new.standing == Standing::Count && !new.wait_for(self.device.keys.generation)) {
            NewKeys::remove(home)?;
        }
        StartedEnrolment::remove(home)
    }
}

async fn create(home: &Path, enrolment: Enrolment, options: Options, if_linked: IfLinked) -> Result<Reset, Error> {
    let Enrolment { remote, ticket, device_name } = enrolment;
    check_name("device name", &device_name)?;
    let (home, lock) = prepare(home, &options)?;
    let guard = lock_home(&lock).await?;
    let recovery_code = match (Keys::load(&home)?, enrol::created_before(&home)?) {
        (Some(_), Some(code)) => code,
        (Some(keys), None) => return Err(Error::AlreadyEnrolled { path: home.path().to_owned(), user: keys.user }),
        (None, _) => {
            let clock = StoreClock::new(Arc::clone(&options.clock), 0);
            let create = Create { remote, ticket: ticket.as_ref(), device_name: &device_name, if_linked };
            match enrol::create(&home, create, &options, &clock).await? {
                Outcome::Created(code) => code,
                Outcome::Waits(pending) => return Ok(Reset::Pending(pending)),
            }
        }
    };
    drop(guard);
    let client = SyncClient { device: Arc::new(Device::open(home, lock, options)?) };
    find_out_about_store(&client.device).await;
    Ok(Reset::Done(Box::new(Created { client, recovery_code })))
}

/// Without a broker nobody else finds out what the store does with conditions. What cannot be found out is tried, as ever: the sync
/// protocol is right on every store, and an account that was made must not fail for it.
async fn find_out_about_store(device: &Device) {
    let Ok(Reach::Direct(direct)) = device.reach() else { return };
    let kept = match direct.find_out().await {
        Ok(profile) => device.note(|database| database.probed(&profile)),
        Err(error) => {
            tracing::debug!(%error, "what the store does with conditions could not be found out");
            Ok(())
        }
    };
    if let Err(error) = kept {
        tracing::debug!(code = error.code(), "what was found out about the store could not be kept");
    }
}

fn prepare(home: &Path, options: &Options) -> Result<(Home, HomeLock), Error> {
    let home = Home::new(home);
    home.create()?;
    let lock = HomeLock::new(&home, options.home_wait);
    Ok((home, lock))
}
