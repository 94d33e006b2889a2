//! Configuration: a TOML file, `TIDEGATE_*` environment variables over it, secrets from files. Everything is checked at the start
//! and every mistake reported at once.

mod app_store;
mod check;
mod credentials;
mod environment;
mod fault;
mod file;
mod oidc;
mod reader;
mod secrets;
mod server_api;
mod settings;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

pub use app_store::{AppStoreSettings, OcspPolicy};
pub(crate) use check::signing_folder;
pub use check::{ConfigError, Mistake, load};
pub use credentials::{CredentialSource, R2Settings, StsSettings};
pub(crate) use fault::tell;
pub use oidc::{NoncePolicy, OidcSettings};
pub(crate) use secrets::read_signing_keys;
pub use server_api::{ServerApiKey, ServerApiSettings};
pub use settings::{Kind, SETTINGS, Setting, reference_table};

use crate::audit::AuditSettings;
use crate::limits::{RateLimits, TrustedProxies};
use crate::relay::RelaySettings;
use crate::session::SigningKeys;
use crate::store::StoreConfig;
use crate::traces::TraceSettings;

/// Everything that a broker is run by.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients are served.
    pub listen: SocketAddr,
    /// Where the operator's health checks are served.
    pub admin_listen: SocketAddr,
    /// The address under which clients reach the broker, without a trailing slash.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Certificate and key, where the broker speaks TLS itself.
    pub tls: Option<TlsFiles>,
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
    /// Where the trace of what was done goes.
    pub audit: AuditSettings,
    /// Where traces go; nothing is traced where it is absent.
    pub traces: Option<TraceSettings>,
    /// Whether PumpSync's client, which has neither invite nor device key, gets a token for `GET /v1/status`.
    pub self_host_pumpsync: bool,
    /// What signs log entries of the app's other parts; without it none are taken.
    pub log_drain_secret: Option<SecretString>,
    /// The relay between apps and Tandem's service; off where it is absent.
    pub relay: Option<RelaySettings>,
    /// The app whose purchases open accounts, in hosted mode.
    pub app_store: Option<AppStoreSettings>,
    /// OpenID providers whose logins open accounts.
    pub oidc: Vec<OidcSettings>,
}

/// Where certificate and key of the public listener lie, in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate_file: PathBuf,
    /// Its key (PKCS#8, PKCS#1 or SEC1).
    pub key_file: PathBuf,
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
    /// How often whom and where.
    pub rates: RateLimits,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// Seconds within which a body has to be there.
    pub body_seconds: u64,
    /// Largest head of a request (its line and headers) in bytes.
    pub head_bytes: usize,
    /// Seconds within which a head has to be there, from its first byte, or from the beginning of its connection.
    pub head_seconds: u64,
    /// Longest path and query in bytes.
    pub url_bytes: usize,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one address at once, those of trusted proxies aside.
    pub connections_per_address: usize,
    /// Requests under way at once.
    pub concurrent_requests: usize,
    /// Requests under way at once without a session, from one address.
    pub concurrent_per_address: usize,
    /// Delay of the process in milliseconds from which on strangers' requests are turned away; 0: never.
    pub shed_milliseconds: u32,
    /// Seconds between being asked to end and taking no more connections, in which `/readyz` says so.
    pub drain_notice_seconds: u64,
    /// Longest life of a request in seconds.
    pub request_seconds: u64,
    /// Proofs that are remembered in one generation of 330 seconds.
    pub replay_entries: usize,
}

impl Limits {
    /// Bounds of a broker that its own machine alone reaches: nobody there is turned away for coming often, and it ends at once.
    #[must_use]
    pub fn of_loopback() -> Self {
        Self { rates: RateLimits::OFF, shed_milliseconds: 0, drain_notice_seconds: 0, ..Self::default() }
    }

    pub(crate) const fn body_time(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }

    pub(crate) const fn head_time(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            daily_bytes: 20 << 30,
            sandbox_daily_bytes: 1 << 30,
            daily_deletions: 100_000,
            rates: RateLimits::default(),
            body_bytes: 2 << 20,
            body_seconds: 20,
            head_bytes: 32 << 10,
            head_seconds: 10,
            url_bytes: 4 << 10,
            connections: 10_000,
            connections_per_address: 256,
            concurrent_requests: 1_024,
            concurrent_per_address: 64,
            shed_milliseconds: 500,
            drain_notice_seconds: 5,
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
