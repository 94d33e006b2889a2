//! `keys rotate`: a new signing key, published before it signs, beside old ones that verify until their last token has ended.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tidegate_protocol::wire::timestamp;
use time::{Duration, OffsetDateTime};

use super::commands::load;
use super::error::CliError;
use super::output::Output;
use super::{BrokerArguments, RotateArguments};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::private_file;
use crate::session::key_times::KeyTimes;
use crate::session::{NewSigningKey, SigningKeys};

pub(super) fn rotate(arguments: &RotateArguments, output: &Output) -> Result<(), CliError> {
    let (folder, keys) = keys_of(&arguments.broker)?;
    let now = SystemClock.now();
    refuse_unfit(&keys, now)?;
    let later = |by: std::time::Duration| now + Duration::try_from(by).unwrap_or(Duration::MAX / 4);
    let signs_from = later(arguments.after);
    let older_until = signs_from + (later(arguments.keep) - now);
    let times = KeyTimes { signs_from: Some(signs_from), older_until: Some(older_until) };
    let NewSigningKey { kid, pem } = NewSigningKey::generate(now);
    let file = folder.join(format!("{kid}.pem"));
    private_file::write(&file, times.write_above(&pem).as_bytes()).map_err(|error| CliError::file(&file, &error))?;
    // Only now: should this be cut short, a key too many does no harm.
    let dropped = drop_over(&folder, &keys, now)?;
    let text = |time| timestamp::format(time).unwrap_or_default();
    let document = json!({
        "kid": kid,
        "file": file,
        "signs_from": text(signs_from),
        "older_until": text(older_until),
        "dropped": dropped,
    });
    output.result(&document, || {
        let gone: String = dropped.iter().map(|kid| format!("\ndropped {kid}: its last token has ended")).collect();
        format!(
            "signing key {}\n  signs from {}: until then let every replica read it (SIGHUP, or a restart)\n  keys before it verify until {}{gone}",
            file.display(),
            text(signs_from),
            text(older_until),
        )
    });
    Ok(())
}

fn keys_of(broker: &BrokerArguments) -> Result<(PathBuf, SigningKeys), CliError> {
    match (&broker.config, &broker.data) {
        (Some(file), _) => Ok((config::signing_folder(file, super::commands::environment())?, load(file)?.signing_keys)),
        (None, Some(data)) => {
            let folder = folder_of_data(data)?;
            let unusable = |message| CliError::invalid("signing-keys-unusable", message, "see the folder secrets/signing in it");
            let keys = config::read_signing_keys(&folder, None).map_err(unusable)?;
            Ok((folder, keys))
        }
        (None, None) => Err(super::commands::neither()),
    }
}

/// Two on their way at once would leave replicas that have read but one of them with tokens that they do not know.
fn refuse_unfit(keys: &SigningKeys, now: OffsetDateTime) -> Result<(), CliError> {
    if keys.is_pinned() {
        let message = "signing.active names the key that signs, so that no other ever would";
        return Err(CliError::invalid("signing-key-pinned", message, "take signing.active out of the configuration first"));
    }
    if let Some((kid, from)) = keys.on_its_way(now) {
        let message = format!("{kid} is on its way already: it signs from {}", timestamp::format(from).unwrap_or_default());
        return Err(CliError::invalid(
            "rotation-under-way",
            message,
            "wait until then, or delete its file if no broker has read it",
        ));
    }
    Ok(())
}

fn drop_over(folder: &Path, keys: &SigningKeys, now: OffsetDateTime) -> Result<Vec<String>, CliError> {
    let mut dropped = Vec::new();
    for kid in keys.over(now) {
        let file = folder.join(format!("{kid}.pem"));
        fs::remove_file(&file).map_err(|error| CliError::file(&file, &error))?;
        dropped.push(kid.to_owned());
    }
    Ok(dropped)
}

#[cfg(feature = "embedded")]
fn folder_of_data(data: &Path) -> Result<PathBuf, CliError> {
    Ok(crate::dev::signing_folder_from(data)?)
}

#[cfg(not(feature = "embedded"))]
fn folder_of_data(_: &Path) -> Result<PathBuf, CliError> {
    Err(super::commands::not_embedded())
}
