//! HTTP: the service that answers a request, and the loop that accepts connections.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::dto::{Timestamp, TimestampFormat};
use s3s::service::{S3Service as Protocol, S3ServiceBuilder};
use s3s::{Body, S3Error, S3ErrorCode};
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::access::{Keys, Rights, check_form};
use crate::clock::Clock;
use crate::cors;
use crate::document::{CheckedBody, Digests, Verdict};
use crate::drain::SharedBody;
use crate::index::Change;
use crate::operation::{Backend, Operations};

/// A client gets this long to send the head of a request, and an idle connection is kept as long: longer than clients keep theirs in a
/// pool (90 s is usual), or a request would now and then meet a connection that is just being closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(100);

/// Requests that are under way when the server stops get this long to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a file that comes by a form, at most.
const LARGEST_FORM: u64 = 8 << 20;

/// Uploads whose time is over are looked for this often.
const GIVE_UP_EVERY: Duration = Duration::from_secs(3600);

/// Answers S3 requests: form, signature, rights, operation.
#[derive(Clone)]
pub struct S3Service {
    protocol: Protocol,
    backend: Arc<Backend>,
    clock: Clock,
}

impl S3Service {
    pub(crate) fn new(backend: Arc<Backend>, keys: Keys, clock: Clock) -> Self {
        let mut builder = S3ServiceBuilder::new(Operations(Arc::clone(&backend)));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(protocol_config()))));
        builder.set_access(Rights::new(keys.clone(), backend.region.clone()));
        builder.set_auth(keys);
        Self { protocol: builder.build(), backend, clock }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if parts.method == Method::OPTIONS {
            return self.answer_preflight(&parts);
        }
        let browser = parts.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
        let browser = browser.map(|origin| (origin, parts.method.clone(), parts.uri.path().to_owned()));
        // A client that waits for `100 Continue` is not sending: reading on would make it start.
        let sending = !body.is_end_stream() && !parts.headers.contains_key(header::EXPECT);
        let body = SharedBody::new(body);
        let now = self.clock.now();
        let answered = match check_form(&parts, &self.backend.region, now) {
            Ok(()) => self.call(parts, body.clone()).await,
            Err(refusal) => S3Error::from(refusal).to_http_response().map_err(|_| internal()),
        };
        let mut response = answered.unwrap_or_else(|failed| failed);
        if sending && !response.status().is_success() {
            body.drain().await;
        }
        if response.status() == StatusCode::NOT_MODIFIED {
            *response.body_mut() = Body::empty();
        }
        if let Some((origin, method, path)) = browser {
            cors::add_headers(&self.backend.cors, &path, method.as_str(), &origin, response.headers_mut());
        }
        if let Some(date) = http_date(now) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }

    /// Answers a request whose form is right.
    async fn call(&self, parts: Parts, body: SharedBody) -> Result<Response<Body>, Response<Body>> {
        let Some(said) = Digests::of(&parts) else {
            let request = Request::from_parts(parts, Body::http_body(body));
            return self.protocol.call(request).await.map_err(|_| internal());
        };
        let verdict = Verdict::default();
        let body = CheckedBody::new(body, said, verdict.clone());
        let answered = self.protocol.call(Request::from_parts(parts, Body::http_body(body))).await;
        match verdict.refusal() {
            Some(refusal) => refusal.to_http_response().map_err(|_| internal()),
            None => answered.map_err(|_| internal()),
        }
    }

    fn answer_preflight(&self, request: &Parts) -> Response<Body> {
        match cors::preflight(&self.backend.cors, request.uri.path(), &request.headers) {
            Ok(headers) => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = headers;
                response
            }
            Err(refusal) => refusal.to_http_response().unwrap_or_else(|_| internal()),
        }
    }
}

impl fmt::Debug for S3Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Service").field("region", &self.backend.region).finish_non_exhaustive()
    }
}

impl hyper::service::Service<Request<Incoming>> for S3Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

/// The age of signatures is checked by the store's own clock, in the form check; `s3s` would use the system's.
fn protocol_config() -> S3Config {
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    // The completion of 10,000 parts, each with its checksums, has about 3 MiB.
    config.xml_max_body_size = 4 << 20;
    config.normalize_forward_slash_path = false;
    // A form is held in memory before its signature counts for anything.
    config.post_object_max_file_size = LARGEST_FORM;
    config.form_max_field_size = 64 << 10;
    config.form_max_fields_size = 256 << 10;
    config.form_max_parts = 100;
    config
}

fn internal() -> Response<Body> {
    let failed = S3Error::with_message(S3ErrorCode::InternalError, "the server failed; try again").to_http_response();
    failed.unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn http_date(now: OffsetDateTime) -> Option<HeaderValue> {
    let mut text = Vec::with_capacity(29);
    Timestamp::from(now.to_offset(time::UtcOffset::UTC)).format(TimestampFormat::HttpDate, &mut text).ok()?;
    HeaderValue::from_bytes(&text).ok()
}

/// Accepts connections until `shutdown`, then lets requests under way finish.
pub(crate) async fn serve(service: S3Service, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut giving_up = tokio::time::interval_at(Instant::now() + GIVE_UP_EVERY, GIVE_UP_EVERY);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(service.clone(), stream, &graceful))),
                Err(error) => pause_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
            _ = giving_up.tick() => drop(connections.spawn(give_up_uploads(Arc::clone(&service.backend)))),
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut what did not finish in time");
    }
    connections.shutdown().await;
    Ok(())
}

async fn give_up_uploads(backend: Arc<Backend>) {
    match backend.writer.submit(Change::GiveUpUploads).await {
        Ok(Ok(_) | Err(_)) => {}
        Err(error) => tracing::error!(%error, "uploads whose time is over could not be given up"),
    }
}

fn connection(service: S3Service, stream: TcpStream, graceful: &GracefulShutdown) -> impl Future<Output = ()> + Send + use<> {
    // Without it, small answers wait for the client's delayed acknowledgement: 40 ms instead of 0.4.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// A connection that failed before it was accepted is the client's matter; too many open files pass.
async fn pause_after(error: &io::Error) {
    let clients = [io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    if clients.contains(&error.kind()) {
        return;
    }
    tracing::error!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(200)).await;
}
