//! PumpSync's contract on a self-hosted broker: what its client gets without invite and device key, and what that is worth.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use crate::device::{Reply, send};
use crate::world::World;

async fn open(world: &World, body: &serde_json::Value) -> Reply {
    let url = format!("{}/v1/self-host/session", world.broker_url);
    send(Method::POST, &url, &[("content-type", "application/json")], serde_json::to_vec(body).unwrap()).await
}

async fn call(world: &World, method: Method, path: &str, token: &str) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    send(method, &format!("{}{path}", world.broker_url), &headers, b"{}".to_vec()).await
}

#[tokio::test]
async fn an_installation_gets_a_token_for_the_status_and_nothing_else() {
    let world = World::with(|options| options.self_host_pumpsync = true).await;
    let session = open(&world, &json!({"installationId": "6F1C2D3E-0000-4000-8000-000000000001"})).await.json();
    assert_eq!((&session["entitlementActive"], &session["serviceMode"]), (&json!(true), &json!("self-hosted")));
    assert!(session["expiresAt"].is_string());
    let token = session["accessToken"].as_str().unwrap();
    let status = call(&world, Method::GET, "/v1/status", token).await.json();
    for (field, value) in [("serviceMode", "self-hosted"), ("tandemCredentialStorage", "none"), ("tandemDataRetention", "none")] {
        assert_eq!(status[field], value, "{field}");
    }
    assert_eq!(status["entitlementActive"], true);
    assert!(status.get("userId").is_none());
    for path in ["/v1/presign", "/v1/delete", "/v1/account/link", "/v1/session/renew", "/v1/multipart/create"] {
        assert_eq!(call(&world, Method::POST, path, token).await.status, 401, "{path}");
    }
    world.clock.advance(Duration::minutes(15));
    assert_eq!(call(&world, Method::GET, "/v1/status", token).await.code(), "token-expired");
    let capabilities = send(Method::GET, &format!("{}/v1/capabilities", world.broker_url), &[], vec![]).await.json();
    assert_eq!(capabilities["apiVersion"], "1");
}

#[tokio::test]
async fn it_is_off_unless_it_is_set_and_invites_still_need_a_proof() {
    let world = World::new().await;
    assert_eq!(open(&world, &json!({"installationId": "x"})).await.code(), "proof-missing");
    let world = World::with(|options| options.self_host_pumpsync = true).await;
    assert_eq!(open(&world, &json!({"invite": world.invite_for(1)})).await.code(), "invalid-json");
    let (_, session) = world.enrolled().await;
    assert!(session.renewal_token.is_some());
}
