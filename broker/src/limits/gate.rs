//! The middleware that asks the limits, cheapest question first.

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

/// Refuses whoever comes too often, and tells everybody how they stand.
pub(crate) async fn limit_rates(State(broker): State<Broker>, mut request: Request, next: Next) -> Response {
    warn_of_unnamed_proxy(&broker, &request);
    let visitor = Visitor::of(&request, &broker);
    if let Err(standing) = admit(&broker, &visitor) {
        broker.metrics.rate_limited(standing.name);
        visitor.note(Some(standing));
        return with_standing(rate_limited().into_response(), &visitor);
    }
    request.extensions_mut().insert(visitor.clone());
    let response = next.run(request).await;
    if response.extensions().get::<Problem>().is_some_and(|problem| is_failed_proof(problem.code)) {
        broker.rates.note_failure(&visitor.culprit());
    }
    // A known token alone, which anybody may have found, is no way past the limits.
    if visitor.is_uncounted() && broker.rates.admit_stranger(visitor.address, visitor.class).is_err() {
        broker.rates.punish(&visitor.culprit());
    }
    with_standing(response, &visitor)
}

/// Gives a place to everyone for whom there is one. Strangers share half of them, so that their crowd leaves room for users.
pub(crate) async fn limit_crowds(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    let stranger = visitor.filter(|visitor| visitor.is_stranger() && visitor.class != RouteClass::Health);
    let is_shed = match broker.shedder.now() {
        Shed::Nobody => false,
        Shed::Strangers => stranger.is_some(),
        Shed::Everybody => true,
    };
    if is_shed {
        return overloaded(&broker, "delay");
    }
    let Ok(_place) = broker.requests.try_acquire() else { return overloaded(&broker, "places") };
    let Some(stranger) = stranger else { return next.run(request).await };
    let Ok(_half) = broker.stranger_requests.try_acquire() else { return overloaded(&broker, "strangers-places") };
    let Some(_own) = broker.crowd.enter(stranger.address) else { return overloaded(&broker, "address-places") };
    next.run(request).await
}

/// Refuses paths that no object key reaches.
pub(crate) async fn limit_url(State(broker): State<Broker>, request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if length > broker.limits.url_bytes {
        let message = format!("the path and query are longer than {} bytes", broker.limits.url_bytes);
        return Problem::new(ProblemCode::UrlTooLong, message).into_response();
    }
    next.run(request).await
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
