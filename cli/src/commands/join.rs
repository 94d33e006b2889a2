//! `join`: a further device of an existing account.

use serde::Serialize;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{DeviceId, UserId};
use tidegate_sync_client::{Enrolment, Error, LoginPurpose, Options, SyncClient, Ticket};

use super::Context;
use crate::arguments::{AccessArguments, JoinArguments};
use crate::failure::Failure;
use crate::style::shown;
use crate::{access, input, recovery};

#[derive(Serialize)]
struct JoinDocument {
    user_id: UserId,
    device_id: DeviceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: &JoinArguments) -> Result<(), Failure> {
    let AccessArguments { invite_file, transaction_file, id_token_file, .. } = &arguments.access;
    let ticket_files = [invite_file, transaction_file, id_token_file];
    let ticket_from_input = ticket_files.into_iter().flatten().any(|path| input::is_dash(path));
    if ticket_from_input && arguments.recovery_file.as_deref().is_some_and(input::is_dash) {
        return Err(Failure::usage("standard-input-twice", "standard input (`-`) was named twice", "name it once"));
    }
    let enrolment = access::resolve(context, &arguments.access, LoginPurpose::Join).await?;
    let name = enrolment.device_name.clone();
    if let Some(client) = already_here(context, &enrolment)? {
        return sign_in(context, client, &enrolment, arguments).await;
    }
    let code = recovery::read(arguments.recovery_file.as_deref())?;
    let client = SyncClient::join(&context.home, enrolment, &code, arguments.user_id, Options::default()).await?;
    let document = JoinDocument { user_id: client.user_id(), device_id: client.device_id(), recovery_code: None };
    context.output.result(&document, |style| {
        format!(
            "{} {} is a device of account {} now\n\nNext: {}\n",
            style.good("✓"),
            style.bold(shown(&name)),
            style.bold(document.user_id),
            style.code("tidegate sync"),
        )
    })
}

/// The account that this home holds, if it is one of this very broker: then only a new session is wanted.
fn already_here(context: &Context, enrolment: &Enrolment) -> Result<Option<SyncClient>, Failure> {
    match SyncClient::open(&context.home, Options::default()) {
        Err(Error::NotEnrolled { .. }) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(client) if enrolment.ticket.is_some() && client.status()?.remote == enrolment.remote => Ok(Some(client)),
        Ok(client) => Err(Error::AlreadyEnrolled { path: context.home.clone(), user: client.user_id() }.into()),
    }
}

/// Opens a new session for a device whose old one has ended; its keys prove the account, so no recovery code is asked for, unless
/// others have taken their place.
async fn sign_in(context: &Context, client: SyncClient, enrolment: &Enrolment, arguments: &JoinArguments) -> Result<(), Failure> {
    let Some(ticket) = &enrolment.ticket else { return Err(Failure::bug("a home of a broker, and nothing to sign in with")) };
    let (client, has_new_keys) = match client.sign_in(ticket).await {
        Err(Error::Problem { code: ProblemCode::AccountKeysReplaced, .. }) => {
            (take_up_keys(context, client, ticket, arguments).await?, true)
        }
        signed_in => (signed_in.map(|()| client)?, false),
    };
    // Keys that this device had begun to make have been taken up: this is the first that anybody hears of their code.
    let code = client.recovery_code()?.filter(|_| has_new_keys).map(|code| code.words());
    let recovery_code = code.as_ref().map(|code| code.to_string());
    let document = JoinDocument { user_id: client.user_id(), device_id: client.device_id(), recovery_code };
    context.output.result(&document, |style| {
        let (done, account) = (style.good("✓"), style.bold(document.user_id));
        if !has_new_keys {
            return format!("{done} this device, of account {account}, is signed in again\n");
        }
        let place = code.as_ref().map(|code| format!("{}\n", recovery::handed_over(code, None, style))).unwrap_or_default();
        let next = style.code("tidegate sync");
        format!("{done} this device has taken up the new keys of account {account}\n\n{place}Next: {next}\n")
    })?;
    if code.is_some() {
        client.recovery_code_kept()?;
    }
    Ok(())
}

/// Takes up the keys that another device has put in the place of the account's.
async fn take_up_keys(
    context: &Context,
    client: SyncClient,
    ticket: &Ticket,
    arguments: &JoinArguments,
) -> Result<SyncClient, Failure> {
    // Keys that this very device has made, and whose making was stopped, come with a code that nobody has seen yet.
    let made_here = client.recovery_code()?.filter(|_| arguments.recovery_file.is_none());
    drop(client);
    if let Some(code) = made_here
        && let Ok(client) = SyncClient::take_up_keys(&context.home, ticket, &code, Options::default()).await
    {
        return Ok(client);
    }
    let code = recovery::read(arguments.recovery_file.as_deref())?;
    Ok(SyncClient::take_up_keys(&context.home, ticket, &code, Options::default()).await?)
}
