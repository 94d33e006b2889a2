//! What outlives the process: credentials, token, and what is remembered of failed logins.

use std::future::Future;

use super::guard::LoginGuard;
use super::login::{Login, Token};

/// Why a [`Keeper`] fails.
pub type KeeperError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps one account's login where nobody else reads it: sealed, or in the keychain of the operating system. What is saved is there
/// when `Ok` is returned, also after the process was killed: the guard is saved before a login is attempted.
pub trait Keeper: Send + Sync {
    /// The credentials.
    fn login(&self) -> impl Future<Output = Result<Option<Login>, KeeperError>> + Send;

    /// Replaces the credentials.
    fn save_login(&self, login: &Login) -> impl Future<Output = Result<(), KeeperError>> + Send;

    /// The token of the last login.
    fn token(&self) -> impl Future<Output = Result<Option<Token>, KeeperError>> + Send;

    /// Replaces the token; `None` forgets it.
    fn save_token(&self, token: Option<&Token>) -> impl Future<Output = Result<(), KeeperError>> + Send;

    /// What is remembered of failed logins; the default if nothing was ever saved.
    fn guard(&self) -> impl Future<Output = Result<LoginGuard, KeeperError>> + Send;

    /// Replaces it.
    fn save_guard(&self, guard: &LoginGuard) -> impl Future<Output = Result<(), KeeperError>> + Send;
}
