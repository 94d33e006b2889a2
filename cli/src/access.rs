//! From flags and environment to a way into the store.

use secrecy::SecretString;
use tidegate_sync_client::{Access, Remote};

use crate::arguments::AccessArguments;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;

/// The broker with its invite, or the store, whose keys the client takes from the environment.
pub(crate) fn resolve(arguments: &AccessArguments, output: Output) -> Result<Access, Failure> {
    if let Some(broker) = &arguments.broker {
        return Ok(Access { remote: Remote::broker(broker.as_str())?, invite: Some(invite(arguments, output)?) });
    }
    let (Some(endpoint), Some(bucket)) = (&arguments.s3, &arguments.bucket) else {
        return Err(Failure::bug("neither a broker nor a store was named"));
    };
    let remote = Remote::direct(endpoint.as_str(), bucket, &arguments.region, arguments.virtual_host)?;
    Ok(Access { remote, invite: None })
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
