//! What a store is opened with: where it lives, who may do what, and its clock.

use std::collections::HashSet;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;

/// What a [`Store`](crate::Store) is opened with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory that holds the index and the bodies; made if it is missing.
    pub data_dir: PathBuf,
    /// Who may do what.
    pub access_keys: Vec<AccessKey>,
    /// Region that signatures must name.
    pub region: String,
    /// The store's clock.
    pub clock: Clock,
}

impl Config {
    /// A configuration in region `us-east-1` by the system's clock.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, access_keys: Vec<AccessKey>) -> Self {
        Self { data_dir: data_dir.into(), access_keys, region: "us-east-1".to_owned(), clock: Clock::system() }
    }
}

/// A credential and what it may do.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Access key id: 1 to 128 characters of `[A-Za-z0-9_.-]`.
    pub id: String,
    /// Secret access key.
    pub secret: SecretString,
    /// What it may do; nothing where this is empty.
    pub rules: Vec<Rule>,
}

impl AccessKey {
    /// A credential with these rights.
    #[must_use]
    pub fn new(id: impl Into<String>, secret: impl Into<String>, rules: Vec<Rule>) -> Self {
        Self { id: id.into(), secret: SecretString::from(secret.into()), rules }
    }

    /// A credential that may do everything.
    #[must_use]
    pub fn administrator(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::new(id, secret, vec![Rule::everything()])
    }

    /// Whether it may do `action` on `key` (for [`Action::ListBucket`]: list the prefix `key`).
    pub(crate) fn allows(&self, action: Action, key: &str) -> bool {
        self.rules.iter().any(|rule| rule.actions.contains(&action) && key.starts_with(&rule.prefix))
    }

    /// Whether it may do `action` on any key at all.
    pub(crate) fn allows_somewhere(&self, action: Action) -> bool {
        self.rules.iter().any(|rule| rule.actions.contains(&action))
    }

    /// Whether one rule allows every action on every key.
    pub(crate) fn is_administrator(&self) -> bool {
        self.rules.iter().any(|rule| rule.prefix.is_empty() && Action::ALL.iter().all(|action| rule.actions.contains(action)))
    }
}

/// Actions that are allowed on the keys that begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is allowed.
    pub actions: Vec<Action>,
    /// Keys, or for [`Action::ListBucket`] the listed prefix, must begin with this; empty allows all.
    pub prefix: String,
}

impl Rule {
    /// These actions on the keys that begin with `prefix`.
    #[must_use]
    pub fn new(actions: impl Into<Vec<Action>>, prefix: impl Into<String>) -> Self {
        Self { actions: actions.into(), prefix: prefix.into() }
    }

    /// Every action on every key; also creates and lists buckets.
    #[must_use]
    pub fn everything() -> Self {
        Self::new(Action::ALL, "")
    }
}

/// What a rule can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// GET and HEAD of objects; LIST of the parts of an upload.
    GetObject,
    /// PUT of objects, in one or in parts.
    PutObject,
    /// DELETE of objects; abort of uploads.
    DeleteObject,
    /// LIST of keys and of uploads, and HEAD of buckets.
    ListBucket,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::GetObject, Self::PutObject, Self::DeleteObject, Self::ListBucket];

    /// The action of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Its name, as S3 policies write it after `s3:`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetObject => "GetObject",
            Self::PutObject => "PutObject",
            Self::DeleteObject => "DeleteObject",
            Self::ListBucket => "ListBucket",
        }
    }
}

/// What is wrong with these access keys, if anything.
pub(crate) fn fault_in(keys: &[AccessKey]) -> Option<String> {
    let mut seen = HashSet::new();
    for key in keys {
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if key.id.is_empty() || key.id.len() > 128 || !key.id.bytes().all(alphabet) {
            return Some(format!("access key id {:?} is not 1 to 128 characters of [A-Za-z0-9_.-]", key.id));
        }
        if key.secret.expose_secret().len() < 8 {
            return Some(format!("the secret of access key {} is shorter than 8 characters", key.id));
        }
        if !seen.insert(key.id.as_str()) {
            return Some(format!("access key {} is given twice", key.id));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_masks_the_secret() {
        let key = AccessKey::administrator("id", "very-secret-value");
        assert!(!format!("{key:?}").contains("very-secret-value"));
    }

    #[test]
    fn a_rule_allows_only_its_actions_under_its_prefix() {
        let key = AccessKey::new("id", "secretsecret", vec![Rule::new([Action::GetObject], "users/")]);
        assert!(key.allows(Action::GetObject, "users/a"));
        assert!(!key.allows(Action::GetObject, "user"));
        assert!(!key.allows(Action::PutObject, "users/a"));
        assert!(!key.is_administrator());
    }

    #[test]
    fn only_one_rule_with_everything_makes_an_administrator() {
        assert!(AccessKey::administrator("id", "secretsecret").is_administrator());
        let split = vec![Rule::new([Action::GetObject, Action::PutObject], ""), Rule::new(Action::ALL, "users/")];
        assert!(!AccessKey::new("id", "secretsecret", split).is_administrator());
    }

    #[test]
    fn bad_access_keys_are_named() {
        assert!(fault_in(&[AccessKey::administrator("", "secretsecret")]).is_some());
        assert!(fault_in(&[AccessKey::administrator("a/b", "secretsecret")]).is_some());
        assert!(fault_in(&[AccessKey::administrator("a", "short")]).is_some());
        let twice = [AccessKey::administrator("a", "secretsecret"), AccessKey::administrator("a", "secretsecret")];
        assert!(fault_in(&twice).is_some_and(|fault| fault.contains("twice")));
        assert!(fault_in(&[AccessKey::administrator("a", "secretsecret")]).is_none());
    }
}
