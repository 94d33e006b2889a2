//! Who an account belongs to, and what its logins are worth. Both are secret, and neither is ever shown.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

/// How long before its end a token is no longer used: a request under way and a clock that differs need some time.
const SPARE: SignedDuration = SignedDuration::from_secs(120);

/// Name and password of an account. Its JSON holds the password: it is for sealed storage alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// The name, mostly an e-mail address.
    pub username: String,
    /// The password.
    #[serde(serialize_with = "expose")]
    pub password: SecretString,
}

impl Login {
    /// From what a person typed.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.username);
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login { .. }")
    }
}

/// What a login gave: the right to read one account for some hours. Its JSON holds the right itself: it is for sealed storage alone.
#[derive(Clone, Serialize, Deserialize)]
pub struct Token {
    /// The bearer token.
    #[serde(serialize_with = "expose")]
    pub access_token: SecretString,
    /// What the data service calls the person.
    pub pumper_id: String,
    /// What the accounts service calls the account.
    pub account_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Token {
    /// Whether it can be used now.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        now.saturating_add(SPARE).is_ok_and(|soon| soon < self.expires_at)
    }

    /// Whether another one is the same right.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.access_token.expose_secret().as_bytes().ct_eq(other.access_token.expose_secret().as_bytes()).into()
    }

    /// As the value of an `Authorization` header.
    pub(super) fn bearer(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.access_token.expose_secret()))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.pumper_id);
        zeroize::Zeroize::zeroize(&mut self.account_id);
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
