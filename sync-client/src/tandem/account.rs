//! Logging in, looking, and logging out.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tidegate_protocol::MemberId;
use tidegate_tandem::source::{Account, Client, Login, LoginGuard, Session, Token};

use super::cursor::{KnownPump, Pumps};
use super::keeper::{Kept, MemberKeeper, forget, load, members, save};
use super::settings::{SetupJson, TandemSetup};
use crate::client::SyncClient;
use crate::device::{Device, blocking};
use crate::error::Error;
use crate::home::HomeGuard;
use crate::view;

/// A family member's account at the vendor, as far as this device knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TandemAccount {
    /// Whose.
    pub member: MemberId,
    /// How it is read.
    pub setup: TandemSetup,
    /// When the token that is kept ends, if one is.
    pub token_until: Option<Timestamp>,
    /// Logins that failed since the last one that succeeded.
    pub failed_logins: u32,
    /// No login is attempted before this time.
    pub not_before: Option<Timestamp>,
    /// Its pumps, as they were last seen.
    pub pumps: Vec<TandemPump>,
}

/// A pump of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TandemPump {
    /// Names the assignment of the pump to the person; it is in the ids of samples.
    pub assignment_id: String,
    /// The pump's serial number.
    pub serial_number: Option<String>,
    /// Its model.
    pub model_name: Option<String>,
    /// When its log was last uploaded; `None` if it never was.
    pub last_upload: Option<Timestamp>,
    /// The first day that was read, and the last one, by the pump's clock.
    pub read: Option<(Date, Date)>,
    /// When all that there was had last been read.
    pub completed_at: Option<Timestamp>,
}

impl TandemPump {
    fn new((assignment_id, known): (String, KnownPump)) -> Self {
        let KnownPump { serial_number, model_name, last_upload, read } = known;
        let completed_at = read.as_ref().and_then(|read| read.completed_at);
        let read = read.map(|read| (read.from, read.to));
        Self { assignment_id, serial_number, model_name, last_upload, read, completed_at }
    }
}

/// Held while the service is asked: one task and one process at a time.
pub(super) struct Gathering<'a> {
    _one_task: tokio::sync::MutexGuard<'a, ()>,
    _one_process: HomeGuard,
}

impl SyncClient {
    /// Logs a family member in at the vendor, and keeps name and password on this device if they are right. Credentials that were
    /// refused before are tried once more only with `again`: attempts count at the service, and some of them lock the account.
    ///
    /// # Errors
    /// `member-unknown`; `invalid-setting` where zone or concentration would change after something was read; those of
    /// [`tidegate_tandem::source::SourceError`].
    pub async fn tandem_login(
        &self,
        member: MemberId,
        setup: &TandemSetup,
        login: &Login,
        again: bool,
    ) -> Result<TandemAccount, Error> {
        self.device.read(|state| view::check_member(&state.engine, member))?;
        let _gathering = gather(&self.device).await?;
        let pumps: Pumps = load(&self.device, member, Kept::Pumps)?.unwrap_or_default();
        if let Some(before) = setup_of(&self.device, member)?
            && pumps.values().any(|pump| pump.read.is_some())
        {
            setup.check_unchanged(&before)?;
        }
        let session = session(&self.device, member, setup, Some(setup.clone()))?;
        if again {
            session.forgive().await?;
        }
        session.sign_in(login).await?;
        see(&self.device, member, &session.account().await?)?;
        account_of(&self.device, member)?.ok_or_else(|| Error::bug("a login that was just kept is not there"))
    }

    /// The accounts at the vendor that this device reads. No request is made.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn tandem_accounts(&self) -> Result<Vec<TandemAccount>, Error> {
        let accounts = members(&self.device)?.into_iter().map(|member| account_of(&self.device, member));
        Ok(accounts.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
    }

    /// Forgets name, password, token, and how far a family member's pumps were read. Samples stay. `false` if nothing was kept.
    ///
    /// # Errors
    /// `home-busy`, `disk-full`.
    pub async fn tandem_logout(&self, member: MemberId) -> Result<bool, Error> {
        let _gathering = gather(&self.device).await?;
        let is_kept = setup_of(&self.device, member)?.is_some();
        forget(&self.device, member)?;
        Ok(is_kept)
    }
}

/// Waits for whoever asks the service.
pub(super) async fn gather(device: &Device) -> Result<Gathering<'_>, Error> {
    let one_task = device.gathering.lock().await;
    let lock = device.lock.clone();
    let one_process = blocking(move || lock.acquire_for_gathering()).await?;
    Ok(Gathering { _one_task: one_task, _one_process: one_process })
}

/// How a member's account is read, if there is one.
pub(super) fn setup_of(device: &Device, member: MemberId) -> Result<Option<TandemSetup>, Error> {
    load::<SetupJson>(device, member, Kept::Setup)?.map(TandemSetup::try_from).transpose()
}

/// A session with what is kept; `new` is kept with the next login.
pub(super) fn session(
    device: &Arc<Device>,
    member: MemberId,
    setup: &TandemSetup,
    new: Option<TandemSetup>,
) -> Result<Session<MemberKeeper>, Error> {
    let keeper = MemberKeeper { device: Arc::clone(device), member, setup: new };
    Ok(Session::new(Client::new(setup.endpoints()?)?, keeper))
}

/// Takes note of the pumps that an account has. One that it no longer has is forgotten; should it come back, it is read anew.
pub(super) fn see(device: &Device, member: MemberId, account: &Account) -> Result<Pumps, Error> {
    let mut before: Pumps = load(device, member, Kept::Pumps)?.unwrap_or_default();
    let seen = account.pumps.iter().map(|pump| {
        let known = before.remove(&pump.assignment_id).unwrap_or_default();
        (pump.assignment_id.clone(), known.seen(pump))
    });
    let pumps: Pumps = seen.collect();
    save(device, member, Kept::Pumps, Some(&pumps))?;
    Ok(pumps)
}

fn account_of(device: &Device, member: MemberId) -> Result<Option<TandemAccount>, Error> {
    let Some(setup) = setup_of(device, member)? else { return Ok(None) };
    let token: Option<Token> = load(device, member, Kept::Token)?;
    let guard: LoginGuard = load(device, member, Kept::Guard)?.unwrap_or_default();
    let pumps: Pumps = load(device, member, Kept::Pumps)?.unwrap_or_default();
    Ok(Some(TandemAccount {
        member,
        setup,
        token_until: token.map(|token| token.expires_at),
        failed_logins: guard.failures,
        not_before: guard.not_before.max(guard.busy_until),
        pumps: pumps.into_iter().map(TandemPump::new).collect(),
    }))
}
