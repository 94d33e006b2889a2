//! What is public: health, readiness, capabilities, keys.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use tidegate_protocol::capability::Capabilities;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{JwkSet, REVOCATION_SECONDS};

/// Anyone may ask whether the store answers, so the store is not asked each time.
const KNOWN_FOR: Duration = Duration::seconds(5);

/// Whoever asks waits no longer than this for the store: a balancer gives up soon.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);

/// When the store last answered or failed to.
#[derive(Default)]
pub(crate) struct Readiness {
    known: Mutex<Option<(OffsetDateTime, bool)>>,
    last: AtomicBool,
}

impl Readiness {
    /// What was found when the store was asked last; it is not asked now.
    pub(crate) fn was_ready(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&self, is_ready: bool) {
        self.last.store(is_ready, Ordering::Relaxed);
    }
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 204, description = "Alive")))]
pub(crate) async fn healthz() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The store answers too.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses(
        (status = 204, description = "Ready"),
        (status = 503, description = "Not ready", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(broker): State<Broker>) -> Result<StatusCode, Problem> {
    if broker.is_draining.load(Ordering::Relaxed) {
        return Err(Problem::new(ProblemCode::Draining, "this process is about to end; ask another"));
    }
    let now = broker.clock.now();
    let mut known = broker.readiness.known.lock().await;
    let is_ready = match *known {
        Some((at, is_ready)) if (now - at).abs() < KNOWN_FOR => is_ready,
        Some(_) | None => {
            let is_ready = answers(&broker, now).await;
            *known = Some((broker.clock.now(), is_ready));
            broker.readiness.note(is_ready);
            is_ready
        }
    };
    if !is_ready {
        return Err(Problem::new(ProblemCode::StoreUnavailable, "the store does not answer"));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the store answers, and nothing is closed for want of the list of revoked devices.
async fn answers(broker: &Broker, now: OffsetDateTime) -> bool {
    let ask = async {
        broker.store.ping().await?;
        if broker.revocations.are_dead(now) { broker.revocations.refresh(&broker.store, now).await } else { Ok(()) }
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            false
        }
        Err(_) => {
            tracing::warn!("not ready: the store did not answer in time");
            false
        }
    }
}

/// What this broker and its store can do.
#[utoipa::path(
    get,
    path = "/v1/capabilities",
    tag = "operation",
    responses((status = 200, description = "The capabilities", body = Capabilities))
)]
pub(crate) async fn capabilities(State(broker): State<Broker>) -> Json<serde_json::Value> {
    let mut capabilities = serde_json::to_value(broker.capabilities()).expect("capabilities are a plain struct");
    if broker.serves_pumpsync() {
        // PumpSync's client reads text here, ours reads both.
        capabilities["apiVersion"] = serde_json::Value::from(capabilities["apiVersion"].to_string());
    }
    Json(capabilities)
}

/// The public keys of this broker's tokens (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "operation",
    responses((status = 200, description = "The keys", body = JwkSet))
)]
pub(crate) async fn jwks(State(broker): State<Broker>) -> ([(http::HeaderName, String); 1], Json<JwkSet>) {
    let cache = format!("public, max-age={REVOCATION_SECONDS}");
    ([(CACHE_CONTROL, cache)], Json(broker.tokens.keys().jwk_set(broker.clock.now())))
}
