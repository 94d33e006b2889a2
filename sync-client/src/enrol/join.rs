//! Joining an account: the recovery code opens the master key, the master key opens the rest.

use tidegate_protocol::account::device_id;
use tidegate_protocol::{Space, UserId};
use tidegate_sync_core::keys::{DeviceKey, RecoveryCode};

use super::account::{OpenedAccount, open_account};
use super::device_file::put_device_file;
use super::grants::own_grants;
use super::reach::{Reach, open_reach};
use crate::clock::StoreClock;
use crate::crash;
use crate::error::Error;
use crate::home::{Enrolment, EnrolmentKind, Home, Keys};
use crate::local::Database;
use crate::options::Options;
use crate::remote::Remote;
use crate::session::{AccountClaim, DpopKey, Session, Ticket};
use crate::transport::Transport;
use crate::transport::direct::DirectTransport;

/// What a person brings to join an account.
#[derive(Debug)]
pub(crate) struct Join<'a> {
    pub(crate) remote: Remote,
    pub(crate) ticket: Option<&'a Ticket>,
    pub(crate) device_name: &'a str,
    pub(crate) recovery: &'a RecoveryCode,
    /// The account expected; `None` takes the one that there is.
    pub(crate) user: Option<UserId>,
}

/// Joins the account, or goes on where a join in this home stopped.
pub(crate) async fn join(home: &Home, join: Join<'_>, options: &Options, clock: &StoreClock) -> Result<(), Error> {
    let Join { remote, ticket, device_name, recovery, user } = join;
    let enrolment = begin(home, remote, device_name)?;
    let reach = open_reach(&enrolment.remote, &enrolment.dpop, home, options, clock.clone())?;
    let transport = reach.transport();
    let (user, opened) = match &reach {
        Reach::Broker(session, _) => {
            let ticket = ticket.ok_or(Error::InviteMissing)?;
            open_at_broker(session, &*transport, ticket, user, recovery, options).await?
        }
        Reach::Direct(direct) => open_at_store(direct, user, recovery).await?,
    };
    let keys = keys_of(enrolment, user, opened);

    let account_keys = keys.master.account_keys();
    let (grants, keyring) = own_grants(&*transport, user, &account_keys, keys.generation).await?;
    if keyring.current(Space::Account(user)).is_none() {
        return Err(Error::AccountIncomplete { user, missing: "the grant of its own key" });
    }
    put_device_file(&*transport, &keys, &keyring, clock.now()).await?;
    Database::create(home, &keys, &grants, None, clock.offset_ms())?;
    crash::point("joined-database");
    // From here on the home holds the account.
    keys.save(home)?;
    crash::point("join-kept");
    Enrolment::remove(home)
}

/// Decides and keeps the keys of a device that is to join, without any request; the one that tokens are bound to.
pub(crate) fn prepare_to_join(home: &Home, remote: Remote, device_name: &str) -> Result<DpopKey, Error> {
    begin(home, remote, device_name).map(|enrolment| enrolment.dpop)
}

fn begin(home: &Home, remote: Remote, device_name: &str) -> Result<Enrolment, Error> {
    match Enrolment::load(home)? {
        // A creation that was never finished belongs to no account that anybody knows; its keys are not used again.
        None | Some(Enrolment { kind: EnrolmentKind::Create(_), .. }) => {}
        Some(started) if started.remote == remote => return Ok(started),
        Some(_) => return Err(Error::EnrolmentDiffers { path: home.path().to_owned(), what: "another broker or store" }),
    }
    let enrolment = Enrolment {
        remote,
        device_name: device_name.to_owned(),
        dpop: DpopKey::generate(),
        device_key: DeviceKey::generate(&mut crate::random::system()),
        kind: EnrolmentKind::Join,
    };
    enrolment.save(home)?;
    crash::point("join-decided");
    Ok(enrolment)
}

async fn open_at_broker(
    session: &Session,
    transport: &dyn Transport,
    ticket: &Ticket,
    expected: Option<UserId>,
    recovery: &RecoveryCode,
    options: &Options,
) -> Result<(UserId, OpenedAccount), Error> {
    session.check_broker(&options.retry).await?;
    let user = session.begin(ticket, &options.retry).await?;
    if expected.is_some_and(|expected| expected != user) {
        return Err(Error::AccountMissing);
    }
    let opened = open_account(transport, user, recovery).await?;
    let account_keys = opened.master.account_keys();
    let claim = AccountClaim { user, genesis: &opened.genesis, keys: &account_keys };
    session.prove(ticket, claim, &options.retry).await?;
    crash::point("join-proven");
    Ok((user, opened))
}

async fn open_at_store(
    direct: &DirectTransport,
    user: Option<UserId>,
    recovery: &RecoveryCode,
) -> Result<(UserId, OpenedAccount), Error> {
    let user = match user {
        Some(user) => user,
        None => match direct.accounts().await?.as_slice() {
            [] => return Err(Error::AccountMissing),
            [only] => *only,
            several => return Err(Error::SeveralAccounts(several.to_vec())),
        },
    };
    let opened = open_account(direct, user, recovery).await?;
    Ok((user, opened))
}

fn keys_of(enrolment: Enrolment, user: UserId, opened: OpenedAccount) -> Keys {
    Keys {
        remote: enrolment.remote,
        user,
        device: device_id(user, &enrolment.dpop.thumbprint()),
        device_name: enrolment.device_name,
        genesis: opened.genesis,
        generation: opened.stated.number(),
        store: opened.master.local_store_key(),
        master: opened.master,
        dpop: enrolment.dpop,
        device_key: enrolment.device_key,
    }
}
