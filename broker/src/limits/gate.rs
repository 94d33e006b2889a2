//! The middleware that asks the limits, cheapest question first.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use tidegate_protocol::problem::ProblemCode;

use super::bucket::Standing;
use super::rates::is_failed_proof;
use super::route::RouteClass;
use super::shedding::Shed;
use super::visitor::{Peer, Visitor};
use crate::broker::Broker;
use crate::problem::Problem;

/// draft-ietf-httpapi-ratelimit-headers-10.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Lets in what may and can be served.
pub(crate) async fn guard(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    match check_url(&broker, &request) {
        Ok(()) => limit_rates(&broker, request, next).await,
        Err(problem) => problem.into_response(),
    }
}

/// Refuses paths that no object key reaches.
fn check_url(broker: &Broker, request: &Request) -> Result<(), Problem> {
    let length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if length <= broker.limits.url_bytes {
        return Ok(());
    }
    let message = format!("the path and query are longer than {} bytes", broker.limits.url_bytes);
    Err(Problem::new(ProblemCode::UrlTooLong, message))
}

/// Refuses whoever comes too often, before a place is taken: it costs nobody else a place. Tells everybody how they stand.
async fn limit_rates(broker: &Broker, mut request: Request, next: Next) -> Response {
    warn_of_unnamed_proxy(broker, &request);
    let visitor = Arc::new(Visitor::of(&request, broker));
    if let Err(standing) = admit(broker, &visitor) {
        broker.metrics.rate_limited(standing.name);
        visitor.note(Some(standing));
        return with_standing(rate_limited().into_response(), &visitor);
    }
    request.extensions_mut().insert(Arc::clone(&visitor));
    let response = limit_crowds(broker, &visitor, request, next).await;
    if response.extensions().get::<Problem>().is_some_and(|problem| is_failed_proof(problem.code)) {
        broker.rates.note_failure(&visitor.culprit());
    }
    // A known token alone, which anybody may have found, is no way past the limits.
    if visitor.is_uncounted() && broker.rates.admit_stranger(visitor.address, visitor.class).is_err() {
        broker.rates.punish(&visitor.culprit());
    }
    with_standing(response, &visitor)
}

/// Gives a place to everyone for whom there is one; beyond that a request is refused, not queued. Strangers share half of them, so that
/// their crowd leaves room for users.
async fn limit_crowds(broker: &Broker, visitor: &Visitor, request: Request, next: Next) -> Response {
    let is_stranger = visitor.is_stranger() && visitor.class != RouteClass::Health;
    let is_shed = match broker.shedder.now() {
        Shed::Nobody => false,
        Shed::Strangers => is_stranger,
        Shed::Everybody => true,
    };
    if is_shed {
        return overloaded(broker, "delay");
    }
    let Ok(_place) = broker.requests.try_acquire() else { return overloaded(broker, "places") };
    if !is_stranger {
        return limit_time(broker, request, next).await;
    }
    let Ok(_half) = broker.stranger_requests.try_acquire() else { return overloaded(broker, "strangers-places") };
    let Some(_own) = broker.crowd.enter(visitor.address) else { return overloaded(broker, "address-places") };
    limit_time(broker, request, next).await
}

/// Ends a slow request, so that it gives its place back in the end.
async fn limit_time(broker: &Broker, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(broker.limits.request_seconds);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ProblemCode::Timeout, "the request took too long; try again").into_response(),
    }
}

pub(crate) fn rate_limited() -> Problem {
    Problem::new(ProblemCode::RateLimited, "too many requests; wait for as long as Retry-After says")
}

fn admit(broker: &Broker, visitor: &Visitor) -> Result<(), Standing> {
    broker.rates.admit_culprit(&visitor.culprit())?;
    if visitor.is_stranger() {
        visitor.note(broker.rates.admit_stranger(visitor.address, visitor.class)?);
    }
    Ok(())
}

fn overloaded(broker: &Broker, reason: &'static str) -> Response {
    broker.metrics.shed(reason);
    Problem::new(ProblemCode::Overloaded, "the broker is at its limits; try again shortly").into_response()
}

/// The fields that tell a client how it stands. The bucket's key is left out: it is an address, or a user.
fn with_standing(mut response: Response, visitor: &Visitor) -> Response {
    let Some(Standing { name, burst, window, remaining, reset }) = visitor.standing() else { return response };
    let is_refused = response.extensions().get::<Problem>().is_some_and(|problem| problem.code == ProblemCode::RateLimited);
    let headers = response.headers_mut();
    let fields = [
        (RATE_LIMIT_POLICY, format!("\"{name}\";q={burst};w={window}")),
        (RATE_LIMIT, format!("\"{name}\";r={remaining};t={reset}")),
    ];
    for (field, value) in fields {
        headers.insert(field, HeaderValue::from_str(&value).expect("a name and numbers are visible ASCII"));
    }
    if is_refused {
        headers.insert(RETRY_AFTER, HeaderValue::from(reset));
    }
    response
}

/// Once: behind a proxy that is not named all strangers are one address.
fn warn_of_unnamed_proxy(broker: &Broker, request: &Request) {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else { return };
    if broker.trusted_proxies.is_unnamed_proxy(peer, request.headers())
        && !broker.warned_of_proxy.swap(true, std::sync::atomic::Ordering::Relaxed)
    {
        tracing::warn!(
            "a request came with X-Forwarded-For from an address that is not in trusted_proxies; if that is your proxy, name it, or \
             everybody behind it is limited as one"
        );
    }
}
