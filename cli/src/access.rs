//! From flags and environment to a way into an account.

use secrecy::SecretString;
use tidegate_sync_client::{Enrolment, Remote};

use crate::arguments::AccessArguments;
use crate::failure::Failure;
use crate::home;
use crate::input;
use crate::output::Output;

/// The broker with its invite, or the store, whose keys the client takes from the environment.
pub(crate) fn resolve(arguments: &AccessArguments, output: Output) -> Result<Enrolment, Failure> {
    let device_name = arguments.device_name.clone().unwrap_or_else(home::default_device_name);
    if let Some(broker) = &arguments.broker {
        let remote = Remote::broker(broker.as_str())?;
        return Ok(Enrolment { remote, invite: Some(invite(arguments, output)?), device_name });
    }
    let (Some(endpoint), Some(bucket)) = (&arguments.s3, &arguments.bucket) else {
        return Err(Failure::bug("neither a broker nor a store was named"));
    };
    let remote = Remote::direct(endpoint.as_str(), bucket, &arguments.region, arguments.virtual_host)?;
    Ok(Enrolment { remote, invite: None, device_name })
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
            "pass --invite-file FILE, or set TIDEGATE_INVITE; the broker's operator makes one with `tidegate-broker invite create`",
        )
    })
}
