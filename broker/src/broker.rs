//! What every handler shares.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::SecretString;
use tidegate_protocol::capability::{Capabilities, IdentityKind, Precondition, StoreProfile};
use tidegate_protocol::presign::MAX_BATCH;
use tidegate_protocol::subscription::{BillingMode, Retention, ServiceMode};
use tidegate_sigv4::{EndpointError, Presigner};
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::budget::DailyBudget;
use crate::clock::Clock;
use crate::config::{Config, Limits, ServerIdKey, TokenLifetimes};
use crate::credentials::CredentialIssuer;
use crate::current::Current;
use crate::health::Readiness;
use crate::identity::app_store::{AppStore, Entitlements, Questions, ServerApi};
use crate::identity::oidc::Issuers;
use crate::limits::{Crowd, RateLimiters, Shedder, TrustedProxies};
use crate::metrics::Metrics;
use crate::presign::MAX_URL_SECONDS;
use crate::presign::upload_id::UploadIds;
use crate::relay::Relay;
use crate::session::{AccessTokens, Nonces, REVOCATION_SECONDS, ReplaySet, Revocations, Tokens};
use crate::store::{Addressing, StoreClient, StoreConfig};

/// Temporary credentials that an account may have made in a day: each costs a call to the store's token service.
const DAILY_CREDENTIALS: u64 = 1_000;

/// The broker's state: cheap to clone, one for a process.
#[derive(Clone)]
pub(crate) struct Broker(Arc<Parts>);

/// What the state is made of.
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: Tokens,
    pub(crate) lifetimes: TokenLifetimes,
    pub(crate) access: AccessTokens,
    pub(crate) nonces: Nonces,
    pub(crate) replays: ReplaySet,
    pub(crate) revocations: Revocations,
    /// What App Store subscriptions entitle to, as read lately.
    pub(crate) entitlements: Entitlements,
    /// What the App Store is asked.
    pub(crate) questions: Questions,
    pub(crate) server_id_key: ServerIdKey,
    pub(crate) store: StoreClient,
    pub(crate) profile: StoreProfile,
    /// What signs URLs.
    pub(crate) signers: Current<Signers>,
    /// What clients must know to use credentials of their own.
    pub(crate) public_store: PublicStore,
    /// Makes temporary credentials, where the store can.
    pub(crate) credentials: Current<Option<CredentialIssuer>>,
    /// Calls for them.
    pub(crate) credential_calls: DailyBudget,
    pub(crate) uploads: UploadIds,
    pub(crate) limits: Limits,
    pub(crate) signed_bytes: DailyBudget,
    /// The same for accounts of the App Store's sandbox, whose purchases cost nothing.
    pub(crate) sandbox_bytes: DailyBudget,
    pub(crate) deletions: DailyBudget,
    pub(crate) requests: Semaphore,
    /// Those that are left to strangers.
    pub(crate) stranger_requests: Semaphore,
    /// Requests under way by strangers' addresses.
    pub(crate) crowd: Crowd,
    pub(crate) rates: RateLimiters,
    pub(crate) shedder: Shedder,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) warned_of_proxy: AtomicBool,
    /// Set when the process is to end: it is not ready any more, and asks that connections be closed.
    pub(crate) is_draining: AtomicBool,
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Audit,
    pub(crate) cors_origins: Vec<String>,
    /// Whether PumpSync's client gets status tokens without a subscription.
    pub(crate) self_host_pumpsync: bool,
    /// What signs log entries of the app's other parts, where they are taken.
    pub(crate) log_drain_secret: Current<Option<SecretString>>,
    /// The relay between apps and Tandem's service, where it is on.
    pub(crate) relay: Option<Relay>,
    /// OpenID providers whose logins open accounts.
    pub(crate) issuers: Issuers,
    /// Hosted mode, where it is configured.
    pub(crate) app_store: Option<AppStore>,
}

/// What signs URLs.
pub(crate) struct Signers {
    /// Signs GET, HEAD and LIST.
    pub(crate) read: Presigner,
    /// Signs PUT; cannot read.
    pub(crate) write: Presigner,
}

impl Signers {
    pub(crate) fn new(store: &StoreConfig) -> Result<Self, EndpointError> {
        Ok(Self { read: store.read_presigner()?, write: store.write_presigner()? })
    }
}

/// Where clients find the bucket.
pub(crate) struct PublicStore {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) addressing: Addressing,
}

impl Broker {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, EndpointError> {
        let limits = config.limits.clone();
        let metrics = Metrics::new();
        Ok(Self(Arc::new(Parts {
            tokens: Tokens::new(config.signing_keys.clone(), config.public_url.as_str()),
            lifetimes: config.tokens,
            access: AccessTokens::new(),
            nonces: Nonces::new(config.server_id_key.as_bytes()),
            replays: ReplaySet::new(limits.replay_entries, clock.now()),
            revocations: Revocations::new(),
            entitlements: Entitlements::new(),
            questions: Questions::new(
                config.app_store.as_ref().and_then(|settings| settings.server_api.as_ref()).map(ServerApi::new),
            ),
            issuers: Issuers::new(&config.oidc, &config.server_id_key),
            server_id_key: config.server_id_key.clone(),
            store: StoreClient::new(&config.store).timed(&metrics),
            profile: config.store.profile.clone(),
            signers: Current::new(Signers::new(&config.store)?),
            public_store: PublicStore {
                endpoint: config.store.endpoint_public.clone(),
                region: config.store.region.clone(),
                bucket: config.store.bucket.clone(),
                addressing: config.store.addressing,
            },
            credentials: Current::new(CredentialIssuer::new(config)),
            credential_calls: DailyBudget::new(DAILY_CREDENTIALS),
            uploads: UploadIds::new(config.server_id_key.as_bytes()),
            signed_bytes: DailyBudget::new(limits.daily_bytes),
            sandbox_bytes: DailyBudget::new(limits.sandbox_daily_bytes.min(limits.daily_bytes)),
            deletions: DailyBudget::new(limits.daily_deletions),
            requests: Semaphore::new(limits.concurrent_requests),
            stranger_requests: Semaphore::new(limits.concurrent_requests.div_ceil(2)),
            crowd: Crowd::new(limits.concurrent_per_address),
            rates: RateLimiters::new(&limits.rates, &clock),
            shedder: Shedder::new(limits.shed_milliseconds),
            trusted_proxies: config.trusted_proxies.clone(),
            warned_of_proxy: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            readiness: Readiness::default(),
            audit: Audit::new(config.audit, &metrics),
            app_store: config.app_store.as_ref().map(|settings| AppStore::new(settings, &metrics)),
            metrics,
            cors_origins: config.cors_origins.clone(),
            self_host_pumpsync: config.self_host_pumpsync,
            log_drain_secret: Current::new(config.log_drain_secret.clone()),
            relay: config.relay.as_ref().map(|settings| {
                Relay::new(settings, limits.request_seconds).expect("its addresses are HTTPS or this machine, and TLS is there")
            }),
            limits,
            clock,
        })))
    }

    /// The address under which clients reach the broker, without a trailing slash.
    pub(crate) fn public_url(&self) -> &str {
        self.tokens.issuer()
    }

    /// Whether renewal tokens are replaced: only by compare-and-swap.
    pub(crate) fn rotates(&self) -> bool {
        self.profile.conditional_create == Precondition::Atomic && self.profile.conditional_replace == Precondition::Atomic
    }

    /// Whether PumpSync's client gets status tokens in any way.
    pub(crate) fn serves_pumpsync(&self) -> bool {
        self.self_host_pumpsync || self.serves_pumpsync_subscribers()
    }

    pub(crate) fn serves_pumpsync_subscribers(&self) -> bool {
        self.app_store.as_ref().is_some_and(|app_store| app_store.settings.pumpsync_contract)
    }

    /// The same without what the probe of the store found and whose logins are taken: it goes with every session.
    pub(crate) fn capabilities_in_brief(&self) -> Capabilities {
        Capabilities { store: self.profile.without_findings(), oidc: Vec::new(), ..self.capabilities() }
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        let (mut identities, service_mode, billing_mode) = match self.app_store {
            None => (vec![IdentityKind::SelfHost], ServiceMode::SelfHosted, BillingMode::None),
            Some(_) => (vec![IdentityKind::SelfHost, IdentityKind::AppStore], ServiceMode::Hosted, BillingMode::AppStore),
        };
        if !self.issuers.is_empty() {
            identities.push(IdentityKind::Oidc);
        }
        Capabilities {
            api_version: 1,
            broker_version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url: self.public_url().to_owned(),
            identities,
            store: self.profile.clone(),
            max_batch: u32::try_from(MAX_BATCH).unwrap_or(u32::MAX),
            url_seconds: MAX_URL_SECONDS,
            revocation_seconds: REVOCATION_SECONDS,
            service_mode: Some(service_mode),
            billing_mode: Some(billing_mode),
            tandem_credential_storage: Some(Retention::None),
            tandem_data_retention: Some(Retention::None),
            tandem_relay: self.relay.is_some(),
            oidc: self.issuers.described(),
        }
    }
}

impl Deref for Broker {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
