//! Broker and embedded store in one process, on loopback, with nothing to configure: for trying out, for tests, for the demo.

mod data;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::SecretString;
use tidegate_embedded_s3::{AccessKey, Action, Config as StoreOptions, OpenError, Rule, Store, StoreError};
use tidegate_protocol::capability::StoreProfile;
use time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use data::{DataDirError, invite_from, signing_folder_from, store_config_from};

use crate::audit::AuditSettings;
use crate::clock::{Clock, SystemClock};
use crate::config::{AppStoreSettings, Config, CredentialSource, Limits, OidcSettings, TlsFiles, TokenLifetimes};
use crate::identity::{Invite, InviteError, InviteRequest, issue_invite};
use crate::limits::TrustedProxies;
use crate::relay::RelaySettings;
use crate::serve::{Listeners, ServeError, Server};
use crate::store::{Addressing, StoreConfig, StoreCredential};
use data::{DataDir, Persisted, StoreKeys};

/// The bucket's name.
pub const BUCKET: &str = "tidegate";
/// Where a broker that is started by hand listens.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8790);
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a development server is started with.
#[derive(Clone)]
pub struct DevOptions {
    /// Where keys and objects live; made if it is missing, used again if it is there.
    pub data_dir: PathBuf,
    /// Loopback address of the broker; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What is told to clients about the store, and believed by the broker.
    pub profile: StoreProfile,
    /// Who makes temporary credentials; the embedded store does not.
    pub credentials: Option<CredentialSource>,
    /// Bounds.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Certificate and key, where the broker is to speak TLS.
    pub tls: Option<TlsFiles>,
    /// Where the trace of what was done goes.
    pub audit: AuditSettings,
    /// How long tokens live.
    pub tokens: TokenLifetimes,
    /// Web origins that may call.
    pub cors_origins: Vec<String>,
    /// Whether PumpSync's client gets status tokens without a subscription.
    pub self_host_pumpsync: bool,
    /// What signs log entries of the app's other parts.
    pub log_drain_secret: Option<SecretString>,
    /// The relay between apps and Tandem's service.
    pub relay: Option<RelaySettings>,
    /// The app whose purchases open accounts.
    pub app_store: Option<AppStoreSettings>,
    /// OpenID providers whose logins open accounts.
    pub oidc: Vec<OidcSettings>,
    /// The broker's clock; the store keeps the system's.
    pub clock: Arc<dyn Clock>,
}

impl DevOptions {
    /// A server in this folder on a free port.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: ANY_PORT,
            profile: StoreProfile::ATOMIC,
            credentials: None,
            limits: Limits::of_loopback(),
            trusted_proxies: TrustedProxies::default(),
            tls: None,
            audit: AuditSettings::OFF,
            tokens: TokenLifetimes::default(),
            cors_origins: Vec::new(),
            self_host_pumpsync: false,
            log_drain_secret: None,
            relay: None,
            app_store: None,
            oidc: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Why a development server does not run.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// It serves this machine alone.
    #[error("{0} is not a loopback address; dev serves this machine alone")]
    NotLoopback(SocketAddr),
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataDirError),
    /// The embedded store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The embedded store does not work.
    #[error("the embedded store failed")]
    Store(#[from] StoreError),
    /// The store's port.
    #[error("the embedded store cannot listen on loopback")]
    StorePort(#[source] io::Error),
    /// The broker does not run.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// A broker and its store, running.
pub struct DevServer {
    /// Where clients reach the broker.
    pub broker_url: String,
    /// Where clients reach the store.
    pub store_url: String,
    /// The store's bucket.
    pub bucket: String,
    /// Where the operator reaches the broker.
    pub admin_url: String,
    config: Config,
    clock: Arc<dyn Clock>,
    store: Store,
    server: Server,
    stop_store: oneshot::Sender<()>,
    store_task: JoinHandle<io::Result<()>>,
}

/// Starts broker and store.
///
/// # Errors
/// [`DevError`].
pub async fn start(options: DevOptions) -> Result<DevServer, DevError> {
    if !options.listen.ip().is_loopback() {
        return Err(DevError::NotLoopback(options.listen));
    }
    let data = DataDir::open(&options.data_dir)?;
    let keys = data.store_keys()?;
    // Before any lasting key is made: the store's lock is what keeps a second process out.
    let store = Store::open(StoreOptions::new(data.store_dir(), access_keys(&keys)))?;
    store.create_bucket(BUCKET)?;
    let listeners = Listeners::bind(options.listen, ANY_PORT).await?;
    let store_listener = store_listener(data.persisted()?.map(|last| last.store_port)).await.map_err(DevError::StorePort)?;
    let broker_url = url_of(&listeners.public).map_err(DevError::StorePort)?;
    let broker_url = if options.tls.is_some() { broker_url.replacen("http:", "https:", 1) } else { broker_url };
    let store_address = store_listener.local_addr().map_err(DevError::StorePort)?;
    let store_url = format!("http://{store_address}");
    data.persist(&Persisted::new(&broker_url, store_address.port()))?;

    let config = Config {
        listen: options.listen,
        admin_listen: ANY_PORT,
        public_url: broker_url.clone(),
        signing_keys: data.signing_keys(options.clock.now())?,
        server_id_key: data.server_id_key()?,
        store: store_config(&keys, &store_url, options.profile),
        credentials: options.credentials,
        limits: options.limits,
        trusted_proxies: options.trusted_proxies,
        tls: options.tls,
        audit: options.audit,
        traces: None,
        cors_origins: options.cors_origins,
        tokens: options.tokens,
        self_host_pumpsync: options.self_host_pumpsync,
        log_drain_secret: options.log_drain_secret,
        relay: options.relay,
        app_store: options.app_store,
        oidc: options.oidc,
    };
    let (stop_store, stopped) = oneshot::channel();
    let store_task = tokio::spawn(serve_store(store.clone(), store_listener, stopped));
    let server = Server::start_on(&config, listeners, Arc::clone(&options.clock)).await?;
    let admin_url = server.admin_url.clone();
    Ok(DevServer {
        broker_url,
        store_url,
        bucket: BUCKET.to_owned(),
        admin_url,
        config,
        clock: options.clock,
        store,
        server,
        stop_store,
        store_task,
    })
}

impl DevServer {
    /// Signs an invite for `devices` devices of the user.
    ///
    /// # Errors
    /// [`InviteError`] if name, number or life are out of bounds.
    pub fn invite(&self, user: &str, devices: u32, lives: Duration) -> Result<Invite, InviteError> {
        let request = InviteRequest { user: user.to_owned(), devices, lives };
        issue_invite(&self.config.signing_keys, &self.config.public_url, &request, self.clock.now())
    }

    /// The store, for looking at every object that it holds.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the broker runs by.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Lets the broker say that it is about to end; it goes on serving.
    pub fn announce_end(&self) {
        self.server.announce_end();
    }

    /// Lets requests under way finish and ends both.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
        // The store may have ended already.
        let _ = self.stop_store.send(());
        match self.store_task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the embedded store ended badly"),
            Err(error) => tracing::error!(%error, "the embedded store's task ended badly"),
        }
    }
}

/// The three credentials with their rights: the one that signs PUTs can read nothing.
fn access_keys(keys: &StoreKeys) -> Vec<AccessKey> {
    let users = |actions: &[Action]| vec![Rule::new(actions, "users/")];
    vec![
        AccessKey::new(&keys.read.id, &keys.read.secret, users(&[Action::GetObject, Action::ListBucket])),
        AccessKey::new(&keys.write.id, &keys.write.secret, users(&[Action::PutObject])),
        AccessKey::administrator(&keys.state.id, &keys.state.secret),
    ]
}

fn store_config(keys: &StoreKeys, url: &str, profile: StoreProfile) -> StoreConfig {
    StoreConfig {
        endpoint_internal: url.to_owned(),
        endpoint_public: url.to_owned(),
        region: "us-east-1".to_owned(),
        bucket: BUCKET.to_owned(),
        addressing: Addressing::Path,
        profile,
        probing: None,
        read: StoreCredential::new(&keys.read.id, &keys.read.secret),
        write: StoreCredential::new(&keys.write.id, &keys.write.secret),
        state: StoreCredential::new(&keys.state.id, &keys.state.secret),
    }
}

/// The port of the last time if it is free, so that URLs handed out before a restart go on working.
async fn store_listener(last_port: Option<u16>) -> io::Result<TcpListener> {
    if let Some(port) = last_port
        && let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
    {
        return Ok(listener);
    }
    TcpListener::bind(ANY_PORT).await
}

fn url_of(listener: &TcpListener) -> io::Result<String> {
    listener.local_addr().map(|address| format!("http://{address}"))
}

fn serve_store(
    store: Store,
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
    // A dropped sender ends it too.
    Box::pin(store.serve(listener, async move { drop(stopped.await) }))
}
