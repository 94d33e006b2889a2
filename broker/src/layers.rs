//! The middleware, outermost first, with the reason for each place.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE, REFERRER_POLICY,
    RETRY_AFTER, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tidegate_protocol::Sha256;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::session::{DPOP_HEADER, DPOP_NONCE_HEADER};
use time::OffsetDateTime;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::broker::Broker;
use crate::limits::gate::{RATE_LIMIT, RATE_LIMIT_POLICY, guard};
use crate::metrics::{method_name, route_name};
use crate::problem::Problem;
use crate::traces;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_BYTES: usize = 64;
/// A notification of the App Store with its two nested JWS has some 20 KiB.
const MAX_UNPROVEN_BODY_BYTES: usize = 128 << 10;
/// The last second of the year 9999: a date has four digits for the year.
const LAST_HTTP_SECOND: i64 = 253_402_300_799;
static SECURITY: [(HeaderName, HeaderValue); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-site")),
];
/// Headers of a usual reply: room for them is made once.
const USUAL_HEADERS: usize = 16;

/// SHA-256 of the request's body, which its DPoP proof has to name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyHash(pub(crate) Sha256);

/// Wraps every route.
pub(crate) fn around_all(router: Router, broker: &Broker) -> Router {
    // A layer added later lies further out, so this reads from the innermost up. Few layers of several steps each: for every request
    // axum copies all that lies within a layer.
    router
        // Before any work is done, whatever may not or cannot be served.
        .layer(from_fn_with_state(broker.clone(), guard))
        // Within the headers and the id, so that a panic's reply has them.
        .layer(CatchPanicLayer::custom(after_panic))
        // Without a place among the concurrent: a preflight does no work.
        .layer(cors(&broker.cors_origins))
        // Outermost: on every reply, refusals and preflights included.
        .layer(from_fn_with_state(broker.clone(), complete_reply))
}

/// Wraps the routes that need a DPoP proof.
pub(crate) fn around_authenticated(router: Router<Broker>, broker: &Broker) -> Router<Broker> {
    router.layer(from_fn_with_state(broker.clone(), prepare_proof))
}

/// Wraps the routes that take a body from callers without a DPoP proof.
pub(crate) fn around_unproven(router: Router<Broker>, broker: &Broker) -> Router<Broker> {
    // Nobody answers for such a body: it is small, or it is not read.
    router.layer(from_fn_with_state(broker.clone(), bound_body))
}

/// Wraps the admin listener's routes.
pub(crate) fn around_admin(router: Router, broker: &Broker) -> Router {
    router.layer(CatchPanicLayer::custom(after_panic)).layer(from_fn_with_state(broker.clone(), complete_admin_reply))
}

/// Gives every reply its headers and its id.
async fn complete_reply(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    let broker = &broker;
    let answer = |request| async move {
        let mut response = next.run(request).await;
        add_headers(broker, response.headers_mut());
        response
    };
    identify(broker, request, answer).await
}

/// Gives every reply its id.
async fn complete_admin_reply(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    identify(&broker, request, |request| next.run(request)).await
}

/// Every reply and every log line carries the id, and only here is a problem's body written and its cause logged.
async fn identify<F>(broker: &Broker, request: Request, answer: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let id = given_id(&request).unwrap_or_else(|| Uuid::new_v4().to_string());
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = %id, %method, route);
    let trace = traces::request(method_name(&method), route_name(route), &id);
    let started = Instant::now();
    let response = answer(request).instrument(span.clone()).instrument(trace.clone()).await;
    let _entered = span.enter();
    let problem = response.extensions().get::<Problem>().map(|problem| problem.code);
    if let Some(code) = problem {
        broker.metrics.problem(code);
    }
    let is_flood = problem.is_some_and(is_of_floods);
    let mut response = write_problem(response, &id);
    traces::answered(&trace, response.status().as_u16(), problem);
    let took = started.elapsed();
    broker.metrics.answered(route_name(route), method_name(&method), response.status().as_u16(), took);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if is_flood {
        tracing::debug!(status = response.status().as_u16(), millis, "answered");
    } else {
        tracing::info!(status = response.status().as_u16(), millis, "answered");
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("an id holds visible ASCII alone"));
    if let Some(date) = http_date(broker.clock.now()) {
        headers.insert(DATE, date);
    }
    response
}

const fn is_of_floods(code: ProblemCode) -> bool {
    matches!(code, ProblemCode::RateLimited | ProblemCode::Overloaded)
}

/// The caller's own id for the request, if it is fit for logs.
fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

fn write_problem(mut response: Response, id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    match &problem.cause {
        Some(cause) if problem.code == ProblemCode::Internal => {
            tracing::error!(code = %problem.code, cause = %crate::problem::chain(cause.as_ref()), "failed");
        }
        Some(cause) => tracing::warn!(code = %problem.code, cause = %crate::problem::chain(cause.as_ref()), "refused"),
        // Counted, and not worth a line: a flood must not become one of the log.
        None if is_of_floods(problem.code) => tracing::debug!(code = %problem.code, "refused"),
        None => tracing::info!(code = %problem.code, "refused"),
    }
    let (parts, body) = problem.render(id).into_parts();
    *response.status_mut() = parts.status;
    response.headers_mut().remove(CONTENT_LENGTH);
    // Who refused may know better than the code when to come back.
    let retry_after = response.headers_mut().remove(RETRY_AFTER);
    response.headers_mut().extend(parts.headers);
    if let Some(retry_after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, retry_after);
    }
    *response.body_mut() = body;
    response
}

/// RFC 9110, section 5.6.7; none before 1970 and after 9999.
fn http_date(now: OffsetDateTime) -> Option<HeaderValue> {
    let is_told = (0..=LAST_HTTP_SECOND).contains(&now.unix_timestamp());
    is_told.then(|| HeaderValue::from_str(&httpdate::fmt_http_date(now.into())).ok()).flatten()
}

fn add_headers(broker: &Broker, headers: &mut HeaderMap) {
    headers.reserve(USUAL_HEADERS);
    for (name, value) in &SECURITY {
        // The one page has a policy of its own.
        headers.entry(name).or_insert_with(|| value.clone());
    }
    // Replies carry tokens and signed URLs.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if broker.is_draining.load(Ordering::Relaxed) {
        // The connection ends with this reply, so that none is closed under a request later.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if broker.public_url().starts_with("https://") {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static(DPOP_HEADER), REQUEST_ID])
        .expose_headers([
            DATE,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            HeaderName::from_static(DPOP_NONCE_HEADER),
            REQUEST_ID,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
        ])
        .max_age(Duration::from_secs(3600))
}

fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    Problem::internal_without_cause().into_response()
}

/// Reads the body before anybody looks at the proof, which names its hash, and hands out a nonce, on refusals too: they are how a client
/// gets its first.
async fn prepare_proof(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    let mut response = match hash_body(&broker, request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let nonce = HeaderValue::from_str(&broker.nonces.mint(broker.clock.now())).expect("base64url is visible ASCII");
    response.headers_mut().insert(HeaderName::from_static(DPOP_NONCE_HEADER), nonce);
    response
}

async fn hash_body(broker: &Broker, request: Request) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let body = whole(body, broker.limits.body_bytes, broker.limits.body_time()).await?;
    parts.extensions.insert(BodyHash(Sha256::of(&body)));
    Ok(Request::from_parts(parts, Body::from(body)))
}

async fn bound_body(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match whole(body, MAX_UNPROVEN_BODY_BYTES, broker.limits.body_time()).await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}

/// The body, if it is small enough and comes fast enough: it holds a place while it trickles in.
async fn whole(body: Body, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(time, Limited::new(body, limit).collect()).await;
    let Ok(read) = read else { return Err(Problem::new(ProblemCode::Timeout, "the body came too slowly; try again")) };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ProblemCode::BodyTooLarge, format!("the body is larger than {limit} bytes")))
        }
        Err(_) => Err(Problem::new(ProblemCode::InvalidRequest, "the body was cut short")),
    }
}

/// Answers what no route does.
pub(crate) async fn not_found() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no such route")
}

/// Answers a route's other methods.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(ProblemCode::MethodNotAllowed, "the route does not take this method; Allow names those it takes")
}
