//! Secrets from files: one line each, so that they need not stand in the configuration.

use std::fs;
use std::io;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::ServerIdKey;
use crate::session::SigningKeys;

/// Reads a secret without the line end that editors add.
pub(super) fn read_secret(path: &Path) -> Result<SecretString, String> {
    let text = read(path)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(format!("the file {} is empty", path.display()));
    }
    Ok(SecretString::from(secret))
}

/// Reads 64 hex digits or 32 raw bytes.
pub(super) fn read_server_id_key(path: &Path) -> Result<ServerIdKey, String> {
    let bytes = Zeroizing::new(fs::read(path).map_err(|error| unreadable(path, &error))?);
    if let Ok(raw) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(ServerIdKey::new(raw));
    }
    let mut key = Zeroizing::new([0; 32]);
    let digits = bytes.trim_ascii();
    hex::decode_to_slice(digits, key.as_mut_slice())
        .map_err(|_| format!("the file {} holds neither 64 hex digits nor 32 bytes", path.display()))?;
    Ok(ServerIdKey::new(*key))
}

/// Reads every `{kid}.pem` of a folder.
pub(crate) fn read_signing_keys(folder: &Path, active: Option<&str>) -> Result<SigningKeys, String> {
    let mut pems = Vec::new();
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let is_pem = path.extension().is_some_and(|extension| extension == "pem");
        if let Some(kid) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_pem) {
            pems.push((kid.to_owned(), read(&path)?));
        }
    }
    let keys = SigningKeys::from_pems(pems.iter().map(|(kid, pem)| (kid.as_str(), pem.as_str())), active);
    keys.map_err(|error| format!("{error} in {}; `tidegate-broker keys generate` makes one", folder.display()))
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}
