//! The file of `store serve` that says who may do what.

use std::fs;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format as _, Toml};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tidegate_embedded_s3::{AccessKey, Action, Rule};

use super::error::CliError;
use crate::config::tell;

/// Every key of a store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Vec<Key>,
}

/// One key: its secret, here or in a file of its own, and what it may do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    secret: Option<SecretString>,
    secret_file: Option<PathBuf>,
    #[serde(default)]
    administrator: bool,
    #[serde(default)]
    allow: Vec<Allowed>,
}

/// What is allowed on the keys that begin with a prefix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    actions: Vec<String>,
    /// Must be said, so that nobody opens the whole bucket by leaving it out.
    prefix: String,
}

/// Reads the access keys of a TOML file; the paths in it begin where it lies.
pub(super) fn read(path: &Path) -> Result<Vec<AccessKey>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::file(path, &error))?;
    let file: File = Figment::from(Toml::string(&text)).extract().map_err(|error| invalid(path, &tell(error)))?;
    if file.key.is_empty() {
        return Err(invalid(path, "it names no key"));
    }
    file.key.into_iter().map(|key| access_key(path, key)).collect()
}

/// The secret in a file, without the end of its line.
pub(super) fn secret_in(path: &Path) -> Result<SecretString, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::file(path, &error))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

fn access_key(path: &Path, key: Key) -> Result<AccessKey, CliError> {
    let of_key = |fault: &str| invalid(path, &format!("key {:?}: {fault}", key.id));
    let secret = match (key.secret, &key.secret_file) {
        (Some(secret), None) => secret,
        (None, Some(file)) => secret_in(&path.parent().unwrap_or(path).join(file))?,
        (Some(_), Some(_)) | (None, None) => return Err(of_key("it takes either secret or secret_file")),
    };
    if key.administrator != key.allow.is_empty() {
        return Err(of_key("it is either administrator = true or has at least one allow"));
    }
    let rules = if key.administrator {
        vec![Rule::everything()]
    } else {
        key.allow.iter().map(rule).collect::<Result<_, _>>().map_err(|fault| of_key(&fault))?
    };
    Ok(AccessKey::new(key.id, secret.expose_secret(), rules))
}

fn rule(allowed: &Allowed) -> Result<Rule, String> {
    let actions = allowed.actions.iter().map(|name| {
        let known = || Action::ALL.map(Action::name).join(", ");
        Action::named(name).ok_or_else(|| format!("there is no action {name:?}; there are {}", known()))
    });
    let actions = actions.collect::<Result<Vec<_>, _>>()?;
    if actions.is_empty() {
        Err("an allow names at least one action".to_owned())
    } else {
        Ok(Rule::new(actions, allowed.prefix.clone()))
    }
}

fn invalid(path: &Path, fault: &str) -> CliError {
    CliError::invalid("keys-file-invalid", format!("{}: {fault}", path.display()), "docs/embedded-store.md shows a keys file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<AccessKey>, CliError> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("read.secret"), "secret-of-read\n").unwrap();
        let path = home.path().join("keys.toml");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn the_three_credentials_of_a_broker_can_be_said() {
        let keys = parsed(
            r#"
            [[key]]
            id = "read"
            secret_file = "read.secret"
            allow = [{ actions = ["GetObject", "ListBucket"], prefix = "users/" }]
            [[key]]
            id = "write"
            secret = "secret-of-write"
            allow = [{ actions = ["PutObject"], prefix = "users/" }]
            [[key]]
            id = "state"
            secret = "secret-of-state"
            administrator = true
            "#,
        )
        .unwrap();
        assert_eq!(keys[0].secret.expose_secret(), "secret-of-read");
        assert_eq!(keys[0].rules, [Rule::new([Action::GetObject, Action::ListBucket], "users/")]);
        assert_eq!(keys[1].rules, [Rule::new([Action::PutObject], "users/")]);
        assert_eq!(keys[2].rules, [Rule::everything()]);
    }

    #[test]
    fn what_is_not_meant_so_is_refused() {
        let key = |rest: &str| format!("[[key]]\nid = \"a\"\n{rest}");
        let with_allow = |allow: &str| key(&format!("secret = \"secretsecret\"\nallow = [{allow}]"));
        for text in [
            String::new(),
            "key = []".to_owned(),
            key("administrator = true"),
            key("secret = \"secretsecret\""),
            key("secret = \"secretsecret\"\nsecret_file = \"read.secret\"\nadministrator = true"),
            key("secret_file = \"missing\"\nadministrator = true"),
            key("secret = \"secretsecret\"\nadministrator = true\nallowed = []"),
            with_allow(r#"{ actions = ["GetObject"] }"#),
            with_allow(r#"{ actions = ["getobject"], prefix = "" }"#),
            with_allow(r#"{ actions = [], prefix = "" }"#),
            key("secret = \"secretsecret\"\nadministrator = true\nallow = [{ actions = [\"GetObject\"], prefix = \"\" }]"),
        ] {
            assert!(parsed(&text).is_err(), "{text}");
        }
    }
}
