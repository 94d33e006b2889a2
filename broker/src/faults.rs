//! What the broker does when a part of it or its store fails.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::{DeviceId, TokenHolder, UserId};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::audit::AuditSettings;
use crate::broker::Broker;
use crate::clock::SystemClock;
use crate::config::{Config, Limits, ServerIdKey, TokenLifetimes};
use crate::limits::TrustedProxies;
use crate::problem::Problem;
use crate::session::{IssuedToken, NewSigningKey, SigningKeys};
use crate::store::{Addressing, StoreConfig, StoreCredential};
use crate::{layers, routes};

/// A broker whose store does not answer: nothing listens on port 1.
fn without_store(limits: Limits) -> Broker {
    let key = NewSigningKey::generate(OffsetDateTime::UNIX_EPOCH);
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        admin_listen: ([127, 0, 0, 1], 0).into(),
        public_url: "https://tidegate.example.org".to_owned(),
        signing_keys: SigningKeys::from_pems([(key.kid.as_str(), key.pem.as_str())], None).unwrap(),
        server_id_key: ServerIdKey::new([7; 32]),
        store: StoreConfig {
            endpoint_internal: "http://127.0.0.1:1".to_owned(),
            endpoint_public: "http://127.0.0.1:1".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "tidegate".to_owned(),
            addressing: Addressing::Path,
            profile: StoreProfile::ATOMIC,
            probing: None,
            read: StoreCredential::new("read", "secret"),
            write: StoreCredential::new("write", "secret"),
            state: StoreCredential::new("state", "secret"),
        },
        limits,
        trusted_proxies: TrustedProxies::default(),
        tls: None,
        audit: AuditSettings::OFF,
        traces: None,
        cors_origins: Vec::new(),
        tokens: TokenLifetimes::default(),
        self_host_pumpsync: false,
        log_drain_secret: None,
        relay: None,
        credentials: None,
        app_store: None,
        oidc: Vec::new(),
    };
    Broker::new(&config, Arc::new(SystemClock)).unwrap()
}

async fn answer(router: Router, path: &str) -> (u16, Value, http::HeaderMap) {
    let request = Request::get(path).header("x-request-id", "the-id").body(Body::empty()).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap(), parts.headers)
}

#[tokio::test]
async fn a_failure_says_nothing_but_its_correlation_id() {
    async fn panics() -> &'static str {
        panic!("the secret cause");
    }
    async fn fails() -> Problem {
        Problem::internal(std::io::Error::other("the secret cause"))
    }
    let broker = without_store(Limits::default());
    let router = layers::around_all(Router::new().route("/panics", get(panics)).route("/fails", get(fails)), &broker);
    for path in ["/panics", "/fails"] {
        let (status, problem, headers) = answer(router.clone(), path).await;
        assert_eq!(
            (status, problem["code"].as_str().unwrap(), problem["correlationId"].as_str().unwrap()),
            (500, "internal", "the-id")
        );
        assert!(!problem.to_string().contains("secret cause"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_slow_request_is_ended_and_a_crowd_is_turned_away() {
    async fn hangs() {
        std::future::pending::<()>().await;
    }
    let slow = without_store(Limits { request_seconds: 0, ..Limits::default() });
    let (status, problem, headers) = answer(layers::around_all(Router::new().route("/", get(hangs)), &slow), "/").await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "timeout"));
    assert!(headers.contains_key("retry-after"));
    let crowded = without_store(Limits { concurrent_requests: 0, ..Limits::default() });
    let (status, problem, _) = answer(routes::public(&crowded), "/healthz").await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "overloaded"));
}

#[tokio::test]
async fn without_its_store_the_broker_lives_but_is_not_ready() {
    let broker = without_store(Limits::default());
    let (status, problem, _) = answer(routes::public(&broker), "/readyz").await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "store-unavailable"));
    let (status, capabilities, _) = answer(routes::public(&broker), "/v1/capabilities").await;
    assert_eq!((status, &capabilities["apiVersion"]), (200, &1.into()));
}

#[tokio::test]
async fn revocations_that_cannot_be_read_count_for_300_seconds_and_then_close_the_door() {
    let broker = without_store(Limits::default());
    let (now, store) = (OffsetDateTime::UNIX_EPOCH + Duration::days(20_000), &broker.store);
    let token = |device| IssuedToken {
        user: UserId::new(Uuid::from_u128(3)),
        device: DeviceId::new(Uuid::from_u128(device)),
        issued_at: now.unix_timestamp() - 1,
    };
    broker.revocations.pretend([TokenHolder::Device(token(1).device)], now);
    for seconds in [0, 60, 61, 300] {
        let at = now + Duration::seconds(seconds);
        assert!(broker.revocations.has_ended(token(1), store, at).await.unwrap(), "{seconds}");
        assert!(!broker.revocations.has_ended(token(2), store, at).await.unwrap());
    }
    assert!(broker.revocations.has_ended(token(1), store, now + Duration::seconds(301)).await.is_err());
}
