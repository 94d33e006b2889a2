//! HTTP manners: problems, ids, headers, bodies.

use reqwest::Method;
use serde_json::json;
use tidegate_broker::clock::Clock as _;
use tidegate_broker::dev::DevOptions;
use tidegate_protocol::capability::Capabilities;

use crate::device::send;
use crate::world::World;

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too() {
    let world = World::new().await;
    let url = |path: &str| format!("{}{path}", world.broker_url);
    assert_eq!(send(Method::GET, &url("/nowhere"), &[], vec![]).await.code(), "not-found");
    assert_eq!(send(Method::GET, &url("/v1/presign/"), &[], vec![]).await.code(), "not-found");
    let reply = send(Method::DELETE, &url("/v1/presign"), &[], vec![]).await;
    assert_eq!((reply.code().as_str(), reply.headers["allow"].as_str()), ("method-not-allowed", "POST"));
    assert_eq!(send(Method::GET, &format!("{}/nowhere", world.admin_url), &[], vec![]).await.code(), "not-found");
}

#[tokio::test]
async fn a_request_id_goes_in_and_out_unless_it_is_unfit_for_logs() {
    let world = World::new().await;
    let url = format!("{}/healthz", world.broker_url);
    assert_eq!(send(Method::GET, &url, &[("x-request-id", "my-id.1")], vec![]).await.headers["x-request-id"], "my-id.1");
    let too_long = "a".repeat(65);
    for unfit in ["", "with space", "a\"b", &too_long] {
        let reply = send(Method::GET, &url, &[("x-request-id", unfit)], vec![]).await;
        assert_eq!(reply.headers["x-request-id"].len(), 36, "{unfit}");
    }
}

#[tokio::test]
async fn every_reply_has_the_security_headers_and_the_brokers_date() {
    let world = World::new().await;
    world.clock.advance(time::Duration::hours(3));
    for path in ["/healthz", "/nowhere", "/v1/capabilities"] {
        let reply = send(Method::GET, &format!("{}{path}", world.broker_url), &[], vec![]).await;
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert!(reply.headers["content-security-policy"].starts_with("default-src 'none'"));
        let date = httpdate(&reply.headers["date"]);
        assert!((world.clock.now() - date).abs() < time::Duration::seconds(2), "{path}");
    }
}

fn httpdate(text: &str) -> time::OffsetDateTime {
    let text = text.replace("GMT", "+0000");
    time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc2822).unwrap()
}

#[tokio::test]
async fn bodies_that_are_not_right_are_named() {
    let world = World::with(|options: &mut DevOptions| options.limits.body_bytes = 70_000).await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let code = async |body: Vec<u8>| {
        let proof = device.sign(&device.proof("POST", "/v1/presign", &body, Some(token)));
        device.call_with("POST", "/v1/presign", body, Some(token), &proof).await.code()
    };
    assert_eq!(code(b"".to_vec()).await, "invalid-json");
    assert_eq!(code(b"{}".to_vec()).await, "invalid-json");
    assert_eq!(code(br#"{"items":[],"more":1}"#.to_vec()).await, "invalid-json");
    assert_eq!(code(b"\xff".to_vec()).await, "invalid-json");
    assert_eq!(code(vec![b' '; 70_001]).await, "body-too-large");

    let url = format!("{}/v1/presign", world.broker_url);
    let proof = device.sign(&device.proof("POST", "/v1/presign", b"{}", Some(token)));
    let authorization = format!("DPoP {token}");
    let headers = [("content-type", "text/plain"), ("dpop", proof.as_str()), ("authorization", &authorization)];
    assert_eq!(send(Method::POST, &url, &headers, b"{}".to_vec()).await.code(), "unsupported-media-type");
}

#[tokio::test]
async fn configured_origins_may_call_and_others_may_not() {
    let origin = "https://app.example.org";
    let world = World::with(|options: &mut DevOptions| options.cors_origins = vec![origin.to_owned()]).await;
    let url = format!("{}/v1/presign", world.broker_url);
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "dpop")];
        send(Method::OPTIONS, &url, &headers, vec![]).await
    };
    let reply = preflight(origin).await;
    assert_eq!(reply.headers["access-control-allow-origin"], origin);
    assert!(reply.headers["access-control-allow-headers"].contains("dpop"));
    assert!(!preflight("https://elsewhere.example").await.headers.contains_key("access-control-allow-origin"));
    let reply = send(Method::POST, &url, &[("origin", origin)], vec![]).await;
    assert!(reply.headers["access-control-expose-headers"].contains("dpop-nonce"));
    assert_eq!(reply.code(), "proof-missing");
}

#[tokio::test]
async fn what_is_public_answers_without_a_proof() {
    let world = World::new().await;
    let get = async |base: &str, path: &str| send(Method::GET, &format!("{base}{path}"), &[], vec![]).await;
    for base in [&world.broker_url, &world.admin_url] {
        assert_eq!(get(base, "/healthz").await.status, 204);
        assert_eq!(get(base, "/readyz").await.status, 204);
    }
    let capabilities: Capabilities = serde_json::from_value(get(&world.broker_url, "/v1/capabilities").await.json()).unwrap();
    assert_eq!((capabilities.api_version, capabilities.max_batch, capabilities.url_seconds), (1, 1000, 900));
    let keys = get(&world.broker_url, "/.well-known/jwks.json").await;
    let key = &keys.json()["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig"))
    );
    assert!(key.get("d").is_none());
    assert_eq!(keys.headers["cache-control"], "public, max-age=60");
    assert_eq!(get(&world.broker_url, "/openapi.json").await.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_frees_the_port() {
    let world = World::new().await;
    let url = format!("{}/healthz", world.broker_url);
    assert_eq!(send(Method::GET, &url, &[], vec![]).await.status, 204);
    world.server.shutdown().await;
    assert!(reqwest::get(&url).await.is_err());
}
