//! Bind, serve, drain.

mod listener;
mod paced;
pub(crate) mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_sigv4::EndpointError;
use tidegate_store_probe::ProbeError;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::listener::Listener;
use self::tls::{Certificate, TlsError};
use crate::account;
use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::reload::{self, ReloadError};
use crate::routes;
use crate::store::{ProbingError, StoreError, established};

/// The store gets this long to take the last audit events.
const LAST_FLUSH: Duration = Duration::from_secs(10);
/// How often deletions of accounts are gone on with.
const DELETIONS_EVERY: Duration = Duration::from_secs(300);
/// What is under way of them when the process is to end gets this long.
const LAST_CALLS: Duration = Duration::from_secs(2);
/// How often limits forget who has not come for a while.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often the snapshot of revoked devices is renewed, so that no call has to wait for it.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(30);

/// Why the broker does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address} ({setting})")]
    Bind {
        /// The setting that names it.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store does not answer, or refuses the state credential.
    #[error("the store at {endpoint} does not answer, or refuses the state credential")]
    Store {
        /// The internal endpoint.
        endpoint: String,
        /// What was tried.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store could not be probed.
    #[error("the store at {endpoint} could not be probed")]
    Probe {
        /// The internal endpoint.
        endpoint: String,
        /// Why not.
        #[source]
        source: ProbeError,
    },
    /// The store, with these credentials, is not one to build on.
    #[error("the store at {endpoint} is not fit: {}", faults.join("; "))]
    Unfit {
        /// The internal endpoint.
        endpoint: String,
        /// Each fault, and what to change.
        faults: Vec<String>,
    },
    /// The public endpoint cannot be signed for.
    #[error("the store's public endpoint cannot be used")]
    Endpoint(#[from] EndpointError),
    /// Certificate or key cannot be used.
    #[error("the broker cannot speak TLS")]
    Tls(#[from] TlsError),
}

impl ServeError {
    fn of_probing(config: &Config, error: ProbingError) -> Self {
        let endpoint = config.store.endpoint_internal.clone();
        match error {
            ProbingError::Store(source) => Self::store(&endpoint, source),
            ProbingError::Probe(source) => Self::Probe { endpoint, source },
            ProbingError::Unfit(faults) => Self::Unfit { endpoint, faults },
        }
    }

    fn store(endpoint: &str, source: StoreError) -> Self {
        Self::Store { endpoint: endpoint.to_owned(), source: Box::new(source) }
    }
}

/// Both sockets, bound but not yet served.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) public: TcpListener,
    pub(crate) admin: TcpListener,
}

impl Listeners {
    pub(crate) async fn bind(listen: SocketAddr, admin: SocketAddr) -> Result<Self, ServeError> {
        Ok(Self { public: bind("listen", listen).await?, admin: bind("admin_listen", admin).await? })
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { setting, address, source })
}

/// A broker that serves.
pub struct Server {
    /// Where clients reach it.
    pub broker_url: String,
    /// Where its operator reaches it.
    pub admin_url: String,
    /// Where it listens for clients, or what stands before it.
    pub address: SocketAddr,
    /// What it was started by.
    running: Config,
    broker: Broker,
    notice: Duration,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("broker_url", &self.broker_url).field("admin_url", &self.admin_url).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds the configured addresses, checks the store and serves until [`Server::shutdown`].
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(config: &Config) -> Result<Self, ServeError> {
        let listeners = Listeners::bind(config.listen, config.admin_listen).await?;
        Self::start_on(config, listeners, Arc::new(SystemClock)).await
    }

    /// The same by another clock than the system's.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start_with(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let listeners = Listeners::bind(config.listen, config.admin_listen).await?;
        Self::start_on(config, listeners, clock).await
    }

    pub(crate) async fn start_on(config: &Config, listeners: Listeners, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let mut config = config.clone();
        config.store.profile = established(&config, &clock).await.map_err(|error| ServeError::of_probing(&config, error))?;
        let broker = Broker::new(&config, clock)?;
        let unreachable = |error| ServeError::store(&config.store.endpoint_internal, error);
        broker.revocations.refresh(&broker.store, broker.clock.now()).await.map_err(unreachable)?;
        broker.readiness.note(true);
        let (stop, stopped) = watch::channel(false);
        let address = listeners.public.local_addr().unwrap_or(config.listen);
        let admin_url = listeners.admin.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let certificate = config.tls.as_ref().map(Certificate::open).transpose()?;
        let public = Listener {
            listener: listeners.public,
            router: routes::public(&broker),
            limits: config.limits.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            tls: certificate.as_ref().map(Certificate::acceptor).transpose()?,
        };
        let admin = Listener {
            listener: listeners.admin,
            router: routes::admin(&broker),
            limits: config.limits.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            tls: None,
        };
        let tasks = vec![
            tokio::spawn(public.serve(stopped.clone())),
            tokio::spawn(admin.serve(stopped.clone())),
            tokio::spawn(refresh_revocations(broker.clone(), stopped.clone())),
            tokio::spawn(keep_record(broker.clone(), stopped.clone())),
            tokio::spawn(attend_deletions(broker.clone(), stopped.clone())),
            tokio::spawn(keep_house(broker.clone(), certificate, stopped)),
        ];
        let notice = Duration::from_secs(config.limits.drain_notice_seconds);
        let broker_url = config.public_url.clone();
        Ok(Self { broker_url, admin_url, address, running: config, broker, notice, stop, tasks })
    }

    /// Takes over this configuration's secrets while it serves: signing keys, the store's credentials, the log drain's secret.
    ///
    /// # Errors
    /// [`ReloadError`]; then all old ones go on.
    pub async fn reload(&self, config: &Config) -> Result<(), ReloadError> {
        reload::reload(&self.broker, &self.running, config).await
    }

    /// Says from now on that it is not ready, and closes each connection with its next reply; goes on serving.
    pub fn announce_end(&self) {
        self.broker.is_draining.store(true, Ordering::Relaxed);
    }

    /// Says that it is not ready any more, and asks clients to close their connections; after the configured notice takes no more
    /// connections, lets requests under way finish, and ends.
    pub async fn shutdown(self) {
        self.announce_end();
        tokio::time::sleep(self.notice).await;
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a server task ended badly");
            }
        }
        // Now that nothing is done any more.
        let flush = self.broker.audit.flush(&self.broker.store, self.broker.clock.now());
        if tokio::time::timeout(LAST_FLUSH, flush).await.is_err() {
            tracing::warn!("the last audit events could not be written in time");
        }
    }
}

/// Done when the server is to stop, or is gone.
async fn until_stop(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn refresh_revocations(broker: Broker, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(REVOCATIONS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = until_stop(&mut stopped) => return,
            _ = ticks.tick() => {
                let refreshed = broker.revocations.refresh(&broker.store, broker.clock.now()).await;
                broker.readiness.note(refreshed.is_ok());
                if let Err(error) = refreshed {
                    tracing::warn!(%error, "the revocations could not be read");
                }
            }
        }
    }
}

/// Writes audit events when they are due. A batch that is under way is seen to its end: what it holds is held by nothing else.
async fn keep_record(broker: Broker, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = until_stop(&mut stopped) => return,
            () = broker.audit.until_due() => broker.audit.flush(&broker.store, broker.clock.now()).await,
        }
    }
}

/// Goes on with deletions of accounts that this replica or another began, at once and then every few minutes. At the end a call that is
/// under way is waited for, so that none is left behind in the store; a deletion that takes longer is gone on with by whoever is next.
async fn attend_deletions(broker: Broker, mut stopped: watch::Receiver<bool>) {
    loop {
        let mut attended = Box::pin(account::attend(&broker));
        let outcome = tokio::select! {
            outcome = &mut attended => Some(outcome),
            () = until_stop(&mut stopped) => tokio::time::timeout(LAST_CALLS, attended).await.ok(),
        };
        if let Some(Err(error)) = outcome {
            tracing::warn!(%error, "the deletions of accounts could not be read");
        }
        tokio::select! {
            () = until_stop(&mut stopped) => return,
            () = tokio::time::sleep(DELETIONS_EVERY) => {}
        }
    }
}

/// What goes on beside requests: the delay is measured, limits forget, certificates are renewed.
async fn keep_house(broker: Broker, certificate: Option<Arc<Certificate>>, mut stopped: watch::Receiver<bool>) {
    let sweep = async {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            broker.rates.sweep();
        }
    };
    let renew = async {
        match certificate {
            Some(certificate) => certificate.renew().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = until_stop(&mut stopped) => {}
        () = broker.shedder.measure() => {}
        () = sweep => {}
        () = renew => {}
    }
}
