//! `init`: a new account, with this device as its first.

use std::path::Path;

use serde::Serialize;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Created, Enrolment, Error, LoginPurpose, Options, PendingReset, Reset, SyncClient};
use time::OffsetDateTime;

use super::Context;
use crate::arguments::InitArguments;
use crate::failure::Failure;
use crate::moment::minute;
use crate::save::SecretFile;
use crate::style::shown;
use crate::{access, input, recovery};

#[derive(Serialize)]
struct InitDocument {
    user_id: UserId,
    device_id: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<String>,
}

/// A new account that is to take another's place.
#[derive(Serialize)]
struct PendingDocument {
    user_id: UserId,
    state: &'static str,
    from: UserId,
    #[serde(with = "timestamp")]
    moves_at: OffsetDateTime,
    #[serde(with = "timestamp")]
    returnable_until: OffsetDateTime,
}

pub(super) async fn run(context: &Context, arguments: &InitArguments) -> Result<(), Failure> {
    let enrolment = access::resolve(context, &arguments.access, LoginPurpose::Create).await?;
    let name = enrolment.device_name.clone();
    // The file is made first: a name that is taken, or a folder that can't be written, must stop this before an account exists.
    let path = arguments.recovery_file.as_deref().filter(|path| !input::is_dash(path));
    let mut file = path.map(|path| place_for_code(context, path)).transpose()?;

    let created = match create(context, enrolment, arguments.reset).await {
        Ok(created) => created,
        Err(error) => {
            if let Some(file) = file {
                file.discard();
            }
            return Err(error.into());
        }
    };
    let Created { client, recovery_code } = match created {
        Reset::Done(created) => *created,
        Reset::Pending(pending) => {
            if let Some(file) = file {
                file.discard();
            }
            return wait(context, &pending);
        }
    };

    let code = recovery_code.words();
    if let Some(file) = &mut file {
        file.write(&code).map_err(|failure| failure.after("the account is created, but its recovery code is not saved yet"))?;
    }
    let document = InitDocument {
        user_id: client.user_id(),
        device_id: client.device_id(),
        recovery_code: file.is_none().then(|| code.to_string()),
    };
    context.output.result(&document, |style| {
        let place = recovery::handed_over(&code, file.as_ref(), style);
        let (account, name) = (style.bold(client.user_id()), style.bold(shown(&name)));
        let done = format!("{} account {account} is created, and {name} is its first device", style.good("✓"));
        format!("{done}\n\n{place}\nNext: {}\n", style.code("tidegate member add NAME"))
    })?;
    // Only now: until the code is written or shown, `init` can be run again and gives the same code.
    client.recovery_code_kept()?;
    Ok(())
}

async fn create(context: &Context, enrolment: Enrolment, may_reset: bool) -> Result<Reset, Error> {
    if may_reset {
        return SyncClient::reset_account(&context.home, enrolment, Options::default()).await;
    }
    let created = SyncClient::create_account(&context.home, enrolment, Options::default()).await?;
    Ok(Reset::Done(Box::new(created)))
}

/// Says that the new account has to wait, and for what.
fn wait(context: &Context, pending: &PendingReset) -> Result<(), Failure> {
    let PendingReset { from, to, moves_at, returnable_until } = *pending;
    let document = PendingDocument { user_id: to, state: "pending", from, moves_at, returnable_until };
    context.output.result(&document, |style| {
        format!(
            "{} account {} waits\n  Until {} (UTC) your invite or subscription leads to account {}. Whoever has that account's code or one\n  \
             of its devices in use can cancel this until then, and undo it until {}. What that account holds stays closed.\n\n\
             After that time run this command again, in this folder, which holds the new account's keys.\n",
            style.good("✓"),
            style.bold(to),
            minute(moves_at),
            style.bold(from),
            minute(returnable_until),
        )
    })
}

/// A new file; or the one that an `init` which was stopped has written already, and in full.
fn place_for_code(context: &Context, path: &Path) -> Result<SecretFile, Failure> {
    let Ok(client) = SyncClient::open(&context.home, Options::default()) else { return SecretFile::create(path) };
    match client.recovery_code()? {
        Some(code) if input::read_secret(path).is_ok_and(|held| *held == *code.words()) => Ok(SecretFile::written_before(path)),
        Some(_) => SecretFile::create(path),
        None => Err(Error::AlreadyEnrolled { path: context.home.clone(), user: client.user_id() }.into()),
    }
}
