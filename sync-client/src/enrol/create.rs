//! Creating an account: first everything is decided and kept, then it goes out, then it counts.

use std::collections::BTreeMap;

use tidegate_protocol::account::{device_id, user_id};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::reset::{ResetReply, ResetState};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{Digest, ObjectKey, Space, UserId};
use tidegate_sync_core::keys::{
    DeviceKey, GrantRequest, Keyring, MasterKey, Permission, RecoveryCode, SlotSecret, SpaceKeys, grant_id, make_genesis,
    make_grant, make_master_keys, open_own_grant,
};
use time::OffsetDateTime;

use super::account::put_once;
use super::device_file::put_device_file;
use super::reach::{Reach, open_reach};
use crate::clock::StoreClock;
use crate::crash;
use crate::error::Error;
use crate::home::{Enrolment, EnrolmentKind, Home, Keys, NewAccount};
use crate::local::Database;
use crate::options::Options;
use crate::remote::Remote;
use crate::session::{AccountClaim, DpopKey, Session, Ticket};
use crate::transport::Transport;

/// What a person brings to create an account.
#[derive(Debug)]
pub(crate) struct Create<'a> {
    pub(crate) remote: Remote,
    pub(crate) ticket: Option<&'a Ticket>,
    pub(crate) device_name: &'a str,
    /// What to do where whoever has the ticket has an account already.
    pub(crate) if_linked: IfLinked,
}

/// What to do where whoever has the ticket has an account already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfLinked {
    /// Nothing: it is to be joined.
    Refuse,
    /// Ask to be led to the new one instead.
    Reset,
}

/// What became of a creation.
pub(crate) enum Outcome {
    /// The account is there.
    Created(RecoveryCode),
    /// It is decided and stored, and waits for a reset.
    Waits(PendingReset),
}

/// A reset that was asked for and whose time has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingReset {
    /// The account to which the invite or subscription still leads.
    pub from: UserId,
    /// The new account.
    pub to: UserId,
    /// From then on the same call completes it; until then whoever holds the other account can cancel it.
    pub moves_at: OffsetDateTime,
    /// Until then whoever holds the other account can undo it.
    pub returnable_until: OffsetDateTime,
}

/// Creates the account, or goes on where a creation in this home stopped.
pub(crate) async fn create(home: &Home, create: Create<'_>, options: &Options, clock: &StoreClock) -> Result<Outcome, Error> {
    let Create { remote, ticket, device_name, if_linked } = create;
    let enrolment = begin(home, remote, device_name)?;
    let EnrolmentKind::Create(account) = &enrolment.kind else { return Err(Error::bug("not a creation")) };
    let keys = keys_of(&enrolment, account);
    let reach = open_reach(&enrolment.remote, &keys.dpop, home, options, clock.clone())?;
    let transport = reach.transport();
    match &reach {
        Reach::Broker(session, _) => {
            let ticket = ticket.ok_or(Error::InviteMissing)?;
            let opening = Opening { session, transport: &*transport, ticket, keys: &keys, account, options };
            if let Some(pending) = opening.run(if_linked, clock).await? {
                return Ok(Outcome::Waits(pending));
            }
        }
        Reach::Direct(_) if if_linked == IfLinked::Reset => return Err(Error::BrokerMissing),
        Reach::Direct(_) => put_account(&*transport, keys.user, account).await?,
    }
    crash::point("create-linked");
    let grant = grant_id(&account.account_grant);
    put_once(&*transport, &ObjectKey::AccessGrant { user: keys.user, grant }, &account.account_grant).await?;
    put_device_file(&*transport, &keys, &account_keyring(&keys, account)?, clock.now()).await?;

    let grants = BTreeMap::from([(grant, account.account_grant.clone())]);
    let now_ms = u64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Database::create(home, &keys, &grants, Some(now_ms), clock.offset_ms())?;
    crash::point("created-database");
    // From here on the home holds the account.
    keys.save(home)?;
    crash::point("create-kept");
    Ok(Outcome::Created(account.recovery.clone()))
}

/// Decides and keeps a new account, without any request; its id.
pub(crate) fn prepare(home: &Home, remote: Remote, device_name: &str) -> Result<UserId, Error> {
    let enrolment = begin(home, remote, device_name)?;
    let EnrolmentKind::Create(account) = &enrolment.kind else { return Err(Error::bug("not a creation")) };
    Ok(user_id(&account.genesis))
}

/// The recovery code of an account that was created in this home and whose code was never handed over.
pub(crate) fn created_before(home: &Home) -> Result<Option<RecoveryCode>, Error> {
    Ok(Enrolment::load(home)?.and_then(|enrolment| match enrolment.kind {
        EnrolmentKind::Create(account) => Some(account.recovery),
        EnrolmentKind::Join => None,
    }))
}

/// Decides and keeps a new account, without any request; its device's key.
pub(crate) fn prepare_key(home: &Home, remote: Remote, device_name: &str) -> Result<DpopKey, Error> {
    begin(home, remote, device_name).map(|enrolment| enrolment.dpop)
}

fn begin(home: &Home, remote: Remote, device_name: &str) -> Result<Enrolment, Error> {
    match Enrolment::load(home)? {
        // A join that was never finished has stored nothing but keys of this device.
        None | Some(Enrolment { kind: EnrolmentKind::Join, .. }) => {}
        Some(started) if started.remote == remote => return Ok(started),
        Some(_) => return Err(Error::EnrolmentDiffers { path: home.path().to_owned(), what: "another broker or store" }),
    }
    let enrolment = Enrolment {
        remote,
        device_name: device_name.to_owned(),
        dpop: DpopKey::generate(),
        device_key: DeviceKey::generate(&mut crate::random::system()),
        kind: EnrolmentKind::Create(Box::new(new_account()?)),
    };
    enrolment.save(home)?;
    crash::point("create-decided");
    Ok(enrolment)
}

fn new_account() -> Result<NewAccount, Error> {
    let mut rng = crate::random::system();
    let recovery = RecoveryCode::generate(&mut rng);
    let master = MasterKey::generate(&mut rng);
    let account = master.account_keys();
    let genesis = make_genesis(&recovery, account.public());
    let user = user_id(&genesis);
    let master_keys = make_master_keys(user, 0, &master, &[SlotSecret::Recovery(&recovery)], &mut rng)
        .map_err(|error| Error::bug(format!("the master key cannot be wrapped: {error}")))?;
    let space_keys = SpaceKeys::generate(Space::Account(user), &mut rng);
    let to_oneself =
        GrantRequest { recipient: user, recipient_keys: account.public(), permission: Permission::Owner, expires_at: None };
    let account_grant = make_grant(&account, &space_keys, to_oneself, &mut rng);
    Ok(NewAccount { recovery, master, genesis, master_keys, account_grant })
}

fn keys_of(enrolment: &Enrolment, account: &NewAccount) -> Keys {
    let user = user_id(&account.genesis);
    Keys {
        remote: enrolment.remote.clone(),
        user,
        device: device_id(user, &enrolment.dpop.thumbprint()),
        device_name: enrolment.device_name.clone(),
        genesis: account.genesis.clone(),
        generation: 0,
        store: account.master.local_store_key(),
        master: account.master.clone(),
        dpop: enrolment.dpop.clone(),
        device_key: enrolment.device_key.clone(),
    }
}

fn account_keyring(keys: &Keys, account: &NewAccount) -> Result<Keyring, Error> {
    let (own, blob) = (keys.master.account_keys(), &account.account_grant);
    let opened = open_own_grant(grant_id(blob), blob, keys.user, &own, keys.generation).map_err(Error::Grant)?;
    let mut keyring = Keyring::new();
    keyring.insert(opened.keys);
    Ok(keyring)
}

/// What it takes to open a new account at a broker.
struct Opening<'a> {
    session: &'a Session,
    transport: &'a dyn Transport,
    ticket: &'a Ticket,
    keys: &'a Keys,
    account: &'a NewAccount,
    options: &'a Options,
}

impl Opening<'_> {
    /// Opens a full session; says if that has to wait for a reset.
    async fn run(&self, if_linked: IfLinked, clock: &StoreClock) -> Result<Option<PendingReset>, Error> {
        let retry = &self.options.retry;
        self.session.check_broker(retry).await?;
        let account_keys = self.keys.master.account_keys();
        let claim = AccountClaim { user: self.keys.user, genesis: &self.account.genesis, keys: &account_keys };
        match self.session.prove(self.ticket, claim, retry).await {
            // The link was made before a crash: nothing is left to do here.
            Ok(AccountScope::Full) => Ok(None),
            Ok(AccountScope::Create | AccountScope::Bootstrap) => {
                put_account(self.transport, self.keys.user, self.account).await?;
                crash::point("create-stored");
                self.session.link(self.keys.user, retry).await?;
                Ok(None)
            }
            Err(Error::Problem { code: ProblemCode::AlreadyLinked, .. }) if if_linked == IfLinked::Reset => {
                self.reset(claim, clock).await
            }
            Err(error) => Err(error),
        }
    }

    /// Asks that the ticket lead here, and stores what has to be there by then.
    async fn reset(&self, claim: AccountClaim<'_>, clock: &StoreClock) -> Result<Option<PendingReset>, Error> {
        let mut reply = self.ask_reset(claim).await?;
        if reply.state == ResetState::Pending {
            put_account(self.transport, self.keys.user, self.account).await?;
            crash::point("reset-stored");
            // Its time has come, and nothing but these objects was missing.
            if reply.moves_at <= clock.now() {
                reply = self.ask_reset(claim).await?;
            }
        }
        let ResetReply { state, from, to, moves_at, returnable_until, session: _ } = reply;
        Ok((state == ResetState::Pending).then_some(PendingReset { from, to, moves_at, returnable_until }))
    }

    async fn ask_reset(&self, claim: AccountClaim<'_>) -> Result<ResetReply, Error> {
        let retry = &self.options.retry;
        self.session.begin(self.ticket, retry).await?;
        self.session.reset(claim, retry).await
    }
}

async fn put_account(transport: &dyn Transport, user: UserId, account: &NewAccount) -> Result<(), Error> {
    put_once(transport, &ObjectKey::Genesis { user }, &account.genesis).await?;
    let digest = Digest::of(&account.master_keys);
    put_once(transport, &ObjectKey::MasterKeys { user, generation: 0, digest }, &account.master_keys).await
}
