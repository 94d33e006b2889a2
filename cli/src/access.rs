//! From flags and environment to a way into an account: an invite, a subscription, a login, or keys of a store.

use std::path::Path;

use secrecy::SecretString;
use tidegate_sync_client::{Enrolment, IdToken, LoginPurpose, Purchase, Remote, Ticket};

use crate::arguments::AccessArguments;
use crate::commands::Context;
use crate::failure::Failure;
use crate::home;
use crate::input;
use crate::login;
use crate::output::Output;

/// The broker with its invite, or the store, whose keys the client takes from the environment.
pub(crate) async fn resolve(context: &Context, arguments: &AccessArguments, purpose: LoginPurpose) -> Result<Enrolment, Failure> {
    let device_name = arguments.device_name.clone().unwrap_or_else(home::default_device_name);
    if let Some(broker) = &arguments.broker {
        let remote = Remote::broker(broker.as_str())?;
        let ticket = match (&arguments.id_token_file, arguments.oidc) {
            (Some(path), _) => id_token(path).map(Ticket::Login)?,
            (None, true) => login::log_in(context, arguments, &remote, &device_name, purpose).await?,
            (None, false) => ticket(arguments, context.output)?,
        };
        return Ok(Enrolment { remote, ticket: Some(ticket), device_name });
    }
    let (Some(endpoint), Some(bucket)) = (&arguments.s3, &arguments.bucket) else {
        return Err(Failure::bug("neither a broker nor a store was named"));
    };
    let remote = Remote::direct(endpoint.as_str(), bucket, &arguments.region, arguments.virtual_host)?;
    Ok(Enrolment { remote, ticket: None, device_name })
}

fn ticket(arguments: &AccessArguments, output: Output) -> Result<Ticket, Failure> {
    match &arguments.transaction_file {
        Some(path) => purchase(path).map(Ticket::Purchase),
        None => invite(arguments, output).map(Ticket::Invite),
    }
}

fn purchase(path: &Path) -> Result<Purchase, Failure> {
    Purchase::parse(&input::read_secret(path)?).ok_or_else(|| {
        let message = format!("{} holds no StoreKit transaction", input::display(path));
        let help = "it has to hold the transaction's jwsRepresentation, or JSON: {\"signedTransactionInfo\": ..., \"deviceVerificationId\": ...}";
        Failure::invalid("transaction-malformed", message, help)
    })
}

fn id_token(path: &Path) -> Result<IdToken, Failure> {
    IdToken::parse(&input::read_secret(path)?).ok_or_else(|| {
        let message = format!("{} holds no ID token", input::display(path));
        let help = "it has to hold the token, or JSON: {\"idToken\": ..., \"nonceSalt\": ...}";
        Failure::invalid("id-token-malformed", message, help)
    })
}

fn invite(arguments: &AccessArguments, output: Output) -> Result<SecretString, Failure> {
    if let Some(token) = &arguments.invite {
        output.warn("--invite can be read by other programs on this machine; prefer --invite-file FILE or TIDEGATE_INVITE");
        return Ok(SecretString::from(token.trim()));
    }
    if let Some(path) = &arguments.invite_file {
        return Ok(SecretString::from(input::read_secret(path)?.as_str()));
    }
    let from_environment = std::env::var("TIDEGATE_INVITE").ok().filter(|invite| !invite.trim().is_empty());
    from_environment.map(|invite| SecretString::from(invite.trim())).ok_or_else(|| {
        Failure::usage(
            "invite-missing",
            "a broker lets a new device in only with an invite",
            "pass --invite-file FILE, or set TIDEGATE_INVITE; the broker's operator makes one with `tidegate-broker invite create`. \
             A broker for subscribers takes --transaction-file FILE, one with logins --oidc",
        )
    })
}
