//! Configuration: a TOML file, `TIDEGATE_*` environment variables over it, secrets from files. Everything is checked at the start
//! and every mistake reported at once.

mod app_store;
mod check;
mod credentials;
mod environment;
mod file;
mod reader;
mod secrets;
mod server_api;
mod settings;

use std::fmt;
use std::net::SocketAddr;

use secrecy::SecretString;
use zeroize::Zeroizing;

pub use app_store::{AppStoreSettings, OcspPolicy};
pub use check::{ConfigError, Mistake, load};
pub use credentials::{CredentialSource, R2Settings, StsSettings};
pub use server_api::{ServerApiKey, ServerApiSettings};
pub use settings::{Kind, SETTINGS, Setting, reference_table};

use crate::session::SigningKeys;
use crate::store::StoreConfig;

/// Everything that a broker is run by.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients are served.
    pub listen: SocketAddr,
    /// Where the operator's health checks are served.
    pub admin_listen: SocketAddr,
    /// The address under which clients reach the broker, without a trailing slash.
    pub public_url: String,
    /// The keys that sign tokens.
    pub signing_keys: SigningKeys,
    /// Names outside identities in the bucket; never changes.
    pub server_id_key: ServerIdKey,
    /// The store.
    pub store: StoreConfig,
    /// Who makes temporary credentials, if anybody does.
    pub credentials: Option<CredentialSource>,
    /// Bounds.
    pub limits: Limits,
    /// Web origins that may call.
    pub cors_origins: Vec<String>,
    /// How long tokens live.
    pub tokens: TokenLifetimes,
    /// Whether PumpSync's client, which has neither invite nor device key, gets a token for `GET /v1/status`.
    pub self_host_pumpsync: bool,
    /// What signs log entries of the app's other parts; without it none are taken.
    pub log_drain_secret: Option<SecretString>,
    /// The app whose purchases open accounts, in hosted mode.
    pub app_store: Option<AppStoreSettings>,
}

/// 32 secret bytes that name outside identities in the bucket. Whoever loses them loses every link between invites and accounts.
#[derive(Clone)]
pub struct ServerIdKey(Zeroizing<[u8; 32]>);

impl ServerIdKey {
    /// Wraps the bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ServerIdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerIdKey(masked)")
    }
}

/// Bounds on what one process, one request or one account uses.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes that an account may have signed for upload in a day.
    pub daily_bytes: u64,
    /// The same for an account of the App Store's sandbox.
    pub sandbox_daily_bytes: u64,
    /// Objects that an account may delete in a day.
    pub daily_deletions: u64,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// Requests under way at once.
    pub concurrent_requests: usize,
    /// Longest life of a request in seconds.
    pub request_seconds: u64,
    /// Proofs that are remembered in one generation of 330 seconds.
    pub replay_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            daily_bytes: 20 << 30,
            sandbox_daily_bytes: 1 << 30,
            daily_deletions: 100_000,
            body_bytes: 2 << 20,
            concurrent_requests: 1_024,
            request_seconds: 30,
            replay_entries: 1_000_000,
        }
    }
}

/// How long tokens live.
#[derive(Debug, Clone, Copy)]
pub struct TokenLifetimes {
    /// Access tokens, in seconds.
    pub access_seconds: u32,
    /// Renewal tokens, in days.
    pub renewal_days: u32,
}

impl Default for TokenLifetimes {
    fn default() -> Self {
        Self { access_seconds: 900, renewal_days: 30 }
    }
}
