//! The route table, nothing else.

use axum::Router;
use axum::routing::{delete as delete_at, get, post};

use crate::broker::Broker;
use crate::{
    account, credentials, delete, health, identity, layers, log_drain, metrics, multipart, openapi, presign, relay, session,
};

/// What clients reach.
pub(crate) fn public(broker: &Broker) -> Router {
    let authenticated = Router::new()
        .route("/v1/self-host/session", post(identity::session))
        .route("/v1/subscription/session", post(identity::subscription_session))
        .route("/v1/oidc/session", post(identity::oidc::oidc_session))
        .route("/auth/login", post(identity::oidc::auth_login))
        .route("/v1/status", get(identity::status))
        .route("/v1/account", delete_at(account::delete_account))
        .route("/v1/account/link", post(identity::link_account))
        .route("/v1/account/reset", post(account::reset_account))
        .route("/v1/account/rotate", post(account::rotate))
        .route("/v1/session/renew", post(session::renew))
        .route("/v1/session/logout", post(session::logout))
        .route("/v1/devices", get(session::devices))
        .route("/v1/devices/{device}", delete_at(session::delete_device))
        .route("/v1/presign", post(presign::presign))
        .route("/v1/presigned-url/{*key}", get(presign::presigned_url))
        .route("/v1/multipart/create", post(multipart::create))
        .route("/v1/multipart/parts", post(multipart::parts))
        .route("/v1/multipart/complete", post(multipart::complete))
        .route("/v1/multipart/abort", post(multipart::abort))
        .route("/v1/credentials", post(credentials::credentials))
        .route("/v1/delete", post(delete::delete))
        .route("/v1/tandem/credentials/validate", post(relay::validate))
        .route("/v1/sync/tandem", post(relay::sync));
    let unproven = Router::new()
        .route("/v1/app-store/notifications", post(identity::app_store::notifications))
        .route("/v1/ops/log-drain", post(log_drain::log_drain));
    let router = layers::around_authenticated(authenticated, broker)
        .merge(layers::around_unproven(unproven, broker))
        .route("/v1/capabilities", get(health::capabilities))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/.well-known/jwks.json", get(health::jwks))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(openapi::page_for_people))
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .with_state(broker.clone());
    layers::around_all(router, broker)
}

/// What the operator's own network reaches.
pub(crate) fn admin(broker: &Broker) -> Router {
    let router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .with_state(broker.clone());
    layers::around_admin(router, broker)
}
