//! Takes connections, serves each, and lets them finish when the broker stops.

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
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt as _, service_fn};

use super::paced::{Paced, Phase};
use super::until_stop;
use crate::config::Limits;
use crate::limits::{ClientAddress, Crowd, Peer, TrustedProxies};

/// A client gets this long to begin its next request: longer than clients keep idle connections (90 s is usual), so that none is
/// closed under a request.
const IDLE: Duration = Duration::from_secs(100);
/// Headers of one request.
const MOST_HEADERS: usize = 64;
/// Beyond the longest life of a request, when the broker stops.
const DRAIN_BEYOND_REQUESTS: Duration = Duration::from_secs(5);
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// What is served where.
pub(super) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) tls: Option<TlsAcceptor>,
}

/// What every connection of a listener shares.
#[derive(Clone)]
struct Shared {
    router: Router,
    tls: Option<TlsAcceptor>,
    head_time: Duration,
    head_bytes: usize,
}

impl Listener {
    /// Serves until the stop, then lets requests under way finish.
    pub(super) async fn serve(self, mut stopped: watch::Receiver<bool>) {
        let Self { listener, router, limits, trusted_proxies, tls } = self;
        let connections = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(limits.connections));
        let crowd = Crowd::new(limits.connections_per_address);
        let shared = Shared { router, tls, head_time: limits.head_time(), head_bytes: limits.head_bytes };
        {
            let mut stop = pin!(until_stop(&mut stopped));
            loop {
                let (stream, peer, place) = tokio::select! {
                    () = &mut stop => break,
                    accepted = accept_next(&listener, &places) => match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            // Too many open files pass; a connection that ended before it was accepted is the client's matter.
                            tracing::warn!(%error, "a connection could not be accepted");
                            tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
                            continue;
                        }
                    },
                };
                // A proxy holds the connections of all its clients.
                let is_bound = !trusted_proxies.contains(peer.ip());
                let own = if is_bound { crowd.enter(ClientAddress::of(peer.ip())) } else { None };
                if is_bound && own.is_none() {
                    tracing::debug!("an address has all the connections that it may have");
                    continue;
                }
                let (shared, watcher) = (shared.clone(), connections.watcher());
                tokio::spawn(async move {
                    serve_connection(shared, stream, peer, watcher).await;
                    drop((place, own));
                });
            }
        }
        drop(listener);
        let drain = Duration::from_secs(limits.request_seconds) + DRAIN_BEYOND_REQUESTS;
        if tokio::time::timeout(drain, connections.shutdown()).await.is_err() {
            tracing::warn!("connections were cut that did not finish in time");
        }
    }
}

async fn accept_next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn serve_connection(shared: Shared, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
    // Without it a small reply waits for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let Some(tls) = &shared.tls else { return serve_stream(&shared, stream, peer, watcher).await };
    match tokio::time::timeout(shared.head_time, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve_stream(&shared, stream, peer, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve_stream<S>(shared: &Shared, stream: S, peer: SocketAddr, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Phase::new();
    let stream = Paced::new(stream, phase.clone(), shared.head_time);
    let router = shared.router.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        phase.begin_request();
        let (phase, router) = (phase.clone(), router.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer.ip()));
        async move {
            let reply = router.oneshot(request).await;
            phase.end_request();
            reply
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(MOST_HEADERS)
        .max_header_size(shared.head_bytes)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}
