//! PumpSync's contract: field names as there, and what a token without a device key is worth.

use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::shop::{Shop, create_account, open};
use crate::device::{Account, Reply, send};

async fn post(shop: &Shop, jws: &str) -> Reply {
    let body = json!({ "signedTransactionInfo": jws, "installationId": "6F1C2D3E-0000-4000-8000-000000000001" });
    let url = format!("{}/v1/subscription/session", shop.broker_url);
    send(Method::POST, &url, &[("content-type", "application/json")], serde_json::to_vec(&body).unwrap()).await
}

async fn call(shop: &Shop, method: Method, path: &str, token: &str, body: &Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
    send(method, &format!("{}{path}", shop.broker_url), &headers, body).await
}

#[tokio::test]
async fn a_call_without_a_device_key_is_refused_unless_it_is_set() {
    let shop = Shop::open().await;
    let reply = post(&shop, &shop.sell(json!({}))).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "proof-missing"));
    assert_eq!(call(&shop, Method::GET, "/v1/status", "a.b.c", &Value::Null).await.code(), "identity-not-offered");
    let capabilities = send(Method::GET, &format!("{}/v1/capabilities", shop.broker_url), &[], vec![]).await.json();
    assert_eq!(capabilities["apiVersion"], 1);
}

#[tokio::test]
async fn the_old_client_reads_every_field_that_it_knows() {
    let shop = Shop::with(|_, settings| settings.pumpsync_contract = true).await;
    let capabilities = send(Method::GET, &format!("{}/v1/capabilities", shop.broker_url), &[], vec![]).await.json();
    for (field, value) in [
        ("apiVersion", "1"),
        ("serviceMode", "hosted"),
        ("billingMode", "app-store"),
        ("tandemCredentialStorage", "none"),
        ("tandemDataRetention", "none"),
    ] {
        assert_eq!(capabilities[field], value, "{field}");
    }
    let session = post(&shop, &shop.sell(json!({}))).await.json();
    assert!(session["accessToken"].is_string() && session["expiresAt"].is_string());
    assert_eq!((&session["entitlementActive"], &session["serviceMode"]), (&json!(true), &json!("hosted")));
    let token = session["accessToken"].as_str().unwrap();
    let status = call(&shop, Method::GET, "/v1/status", token, &Value::Null).await.json();
    assert_eq!((&status["entitlementActive"], &status["serviceMode"]), (&json!(true), &json!("hosted")));
    assert!(status.get("userId").is_none());
    let refused = post(&shop, "nonsense").await;
    assert!(refused.status >= 400);
    for field in ["code", "message", "correlationId"] {
        assert!(refused.json()[field].is_string(), "{field}");
    }
}

#[tokio::test]
async fn its_token_opens_nothing_else() {
    let shop = Shop::with(|_, settings| settings.pumpsync_contract = true).await;
    let (device, account) = (shop.device().await, Account::new(1));
    let jws = shop.sell(json!({}));
    let session = create_account(&device, &jws, &account).await;
    let bearer = post(&shop, &jws).await.json()["accessToken"].as_str().unwrap().to_owned();
    let presign = json!({ "items": [{ "method": "GET", "key": format!("users/{}/genesis.json", account.user()) }] });
    for (path, body) in [("/v1/presign", &presign), ("/v1/delete", &json!({ "keys": [] })), ("/v1/account/link", &json!({}))] {
        assert_eq!(call(&shop, Method::POST, path, &bearer, body).await.code(), "proof-missing", "{path}");
        assert_eq!(device.call("POST", path, body, Some(&bearer)).await.code(), "token-invalid", "{path}");
    }
    assert_eq!(device.renew(&bearer).await.code(), "token-invalid");
    // A device's token is none of these: a thief of it gets no further by leaving the proof out.
    assert_eq!(call(&shop, Method::GET, "/v1/status", &session.access_token, &Value::Null).await.code(), "token-invalid");
    // Nor is a session with the account's proof given without a device key.
    let mut body = json!({ "signedTransactionInfo": jws });
    body["account"] = account.proof(&device.broker, &device.thumbprint(), &device.nonce);
    assert_eq!(call(&shop, Method::POST, "/v1/subscription/session", "x", &body).await.code(), "proof-missing");
    // And whoever sends a wrong proof is not taken for somebody who sends none.
    let wrong = device.call_with("POST", "/v1/subscription/session", b"{}".to_vec(), None, "a.b.c").await;
    assert_eq!(wrong.code(), "proof-invalid");
}

#[tokio::test]
async fn its_token_ends_with_the_subscription() {
    let shop = Shop::with(|_, settings| settings.pumpsync_contract = true).await;
    let jws = shop.sell(json!({ "expiresDate": shop.millis(Duration::minutes(5)) }));
    let token = post(&shop, &jws).await.json()["accessToken"].as_str().unwrap().to_owned();
    shop.clock.advance(Duration::minutes(5));
    assert_eq!(call(&shop, Method::GET, "/v1/status", &token, &Value::Null).await.code(), "token-expired");
    assert_eq!(post(&shop, &jws).await.code(), "subscription-expired");
    let device = shop.device().await;
    assert_eq!(open(&device, &jws, None, None).await.code(), "subscription-expired");
}
