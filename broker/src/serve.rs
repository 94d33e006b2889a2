//! Bind, serve, drain.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tidegate_sigv4::EndpointError;
use tidegate_store_probe::ProbeError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::routes;
use crate::store::{ProbingError, StoreError, established};

/// A client gets this long to send the head of its next request: longer than clients keep idle connections (90 s is usual), so
/// that none is closed under a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(100);
/// Connections at once; more wait unaccepted.
const MOST_CONNECTIONS: usize = 10_000;
/// Requests under way get this long when the broker stops.
const DRAIN: Duration = Duration::from_secs(15);
/// How often the snapshot of revoked devices is renewed, so that no call has to wait for it.
const REVOCATIONS_EVERY: Duration = Duration::from_secs(30);
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

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
#[derive(Debug)]
pub struct Server {
    /// Where clients reach it.
    pub broker_url: String,
    /// Where its operator reaches it.
    pub admin_url: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
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
        let (stop, stopped) = watch::channel(false);
        let admin_url = listeners.admin.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let tasks = vec![
            tokio::spawn(accept(listeners.public, routes::public(&broker), stopped.clone())),
            tokio::spawn(accept(listeners.admin, routes::admin(&broker), stopped.clone())),
            tokio::spawn(refresh_revocations(broker, stopped)),
        ];
        Ok(Self { broker_url: config.public_url.clone(), admin_url, stop, tasks })
    }

    /// Takes no more connections, lets requests under way finish, and ends.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a server task ended badly");
            }
        }
    }
}

/// Done when the server is to stop, or is gone.
async fn until_stop(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    {
        let mut stop = pin!(until_stop(&mut stopped));
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = accept_next(&listener, &places) => match accepted {
                    Ok((stream, place)) => serve_connection(stream, place, router.clone(), &connections),
                    Err(error) => {
                        // Too many open files pass; a connection that ended before it was accepted is the client's matter.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
                    }
                },
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("connections were cut that did not finish in time");
    }
}

async fn accept_next(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, place))
}

fn serve_connection(stream: TcpStream, place: OwnedSemaphorePermit, router: Router, connections: &GracefulShutdown) {
    // Without it a small reply waits for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
        drop(place);
    });
}

async fn refresh_revocations(broker: Broker, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(REVOCATIONS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = until_stop(&mut stopped) => return,
            _ = ticks.tick() => {
                if let Err(error) = broker.revocations.refresh(&broker.store, broker.clock.now()).await {
                    tracing::warn!(%error, "the revocations could not be read");
                }
            }
        }
    }
}
