//! What the admin listener tells, and what it does not.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use tidegate_broker::dev::DevOptions;
use tidegate_broker::{Rate, RateLimits};

use crate::device::send;
use crate::world::World;

async fn scrape(world: &World) -> String {
    let reply = send(Method::GET, &format!("{}/metrics", world.admin_url), &[], vec![]).await;
    assert_eq!(reply.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    String::from_utf8(reply.body).unwrap()
}

/// Series and their values.
async fn series(world: &World) -> BTreeMap<String, f64> {
    let text = scrape(world).await;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn requests_tokens_urls_caches_and_the_store_are_counted() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    let own = format!("users/{}/genesis.json", session.user_id);
    let items = json!({ "items": [
        { "method": "GET", "key": own },
        { "method": "GET", "key": own },
        { "method": "DELETE", "key": own },
    ] });
    assert_eq!(device.call("POST", "/v1/presign", &items, Some(token)).await.status, 200);
    assert_eq!(send(Method::GET, &format!("{}/v1/nowhere", world.broker_url), &[], vec![]).await.status, 404);
    let series = series(&world).await;
    for (name, least) in [
        (r#"tidegate_requests_total{route="/v1/presign",method="POST",status="200"}"#, 3.0),
        (r#"tidegate_requests_total{route="none",method="GET",status="404"}"#, 1.0),
        (r#"tidegate_request_seconds_count{route="/v1/presign"}"#, 3.0),
        (r#"tidegate_problems_total{code="proof-missing"}"#, 1.0),
        (r#"tidegate_items_refused_total{code="delete-not-signed"}"#, 1.0),
        (r#"tidegate_urls_signed_total{method="GET",kind="genesis"}"#, 2.0),
        (r#"tidegate_urls_signed_total{method="PUT",kind="master-keys"}"#, 1.0),
        (r#"tidegate_tokens_issued_total{kind="access"}"#, 2.0),
        (r#"tidegate_tokens_issued_total{kind="renewal"}"#, 1.0),
        (r#"tidegate_cache_lookups_total{cache="access-tokens",result="miss"}"#, 2.0),
        (r#"tidegate_cache_lookups_total{cache="access-tokens",result="hit"}"#, 1.0),
        (r#"tidegate_store_seconds_count{operation="put",outcome="answered"}"#, 1.0),
        ("tidegate_proofs_remembered", 4.0),
        ("tidegate_ready", 1.0),
        ("tidegate_draining", 0.0),
    ] {
        assert!(series.get(name).is_some_and(|value| *value >= least), "{name} in {series:#?}");
    }
}

#[tokio::test]
async fn nothing_that_clients_send_makes_series_or_shows() {
    let world = World::with(|options: &mut DevOptions| {
        options.limits.rates = RateLimits { address: Rate { per_minute: 1, burst: 60 }, ..RateLimits::OFF };
    })
    .await;
    let (device, session) = world.enrolled().await;
    let token = session.access_token.as_str();
    assert_eq!(device.call("POST", "/v1/presign", &json!({ "items": [] }), Some(token)).await.code(), "batch-size");
    let before = series(&world).await.len();
    for number in 0..100 {
        let method = Method::from_bytes(format!("BREW{number}").as_bytes()).unwrap();
        let url = format!("{}/v1/presigned-url/planted-{number}?planted=query", world.broker_url);
        let headers = [("x-request-id", "planted-id"), ("user-agent", "planted-agent"), ("authorization", "DPoP planted.token")];
        send(method, &url, &headers, b"planted body".to_vec()).await;
        send(Method::GET, &format!("{}/planted-path-{number}", world.broker_url), &headers, vec![]).await;
    }
    let after = series(&world).await;
    assert!(after.len() < before + 60, "{before} series became {}: {after:#?}", after.len());
    assert!(after[r#"tidegate_rate_limited_total{kind="address"}"#] > 100.0);
    let text = scrape(&world).await;
    let renewal = session.renewal_token.unwrap();
    let (user, device_id) = (session.user_id.to_string(), session.device_id.to_string());
    for secret in ["planted", "BREW", token, &renewal, &user, &device_id, "127.0.0.1", "anna"] {
        assert!(!text.contains(secret), "{secret:.40} in {text}");
    }
}

#[tokio::test]
async fn strangers_do_not_see_what_is_measured() {
    let world = World::new().await;
    assert_eq!(send(Method::GET, &format!("{}/metrics", world.broker_url), &[], vec![]).await.code(), "not-found");
}
