//! `GET /v1/status`: which subscription, what it stands at, and why.

use serde_json::{Value, json};
use time::Duration;

use super::shop::{Shop, create_account, open};
use crate::device::{Account, Device};
use crate::world::World;

async fn status(device: &Device, token: &str) -> Value {
    let reply = device.call("GET", "/v1/status", &Value::Null, Some(token)).await;
    assert_eq!(reply.code(), "ok");
    reply.json()
}

#[tokio::test]
async fn a_subscriber_reads_which_and_until_when() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    let session = create_account(&device, &shop.sell(json!({})), &account).await;
    let found = status(&device, &session.access_token).await;
    assert_eq!(found["entitlementActive"], true);
    assert_eq!(found["serviceMode"], "hosted");
    assert_eq!((&found["tandemCredentialStorage"], &found["tandemDataRetention"]), (&json!("none"), &json!("none")));
    assert_eq!(found["userId"], account.user().to_string());
    let entitlement = &found["entitlement"];
    assert_eq!((&entitlement["state"], &entitlement["environment"]), (&json!("active"), &json!("Production")));
    assert_eq!((&entitlement["familyShared"], &entitlement["productId"]), (&json!(false), &json!("org.example.health.monthly")));
    assert!(entitlement["until"].is_string() && entitlement.get("code").is_none());
}

#[tokio::test]
async fn a_refund_is_seen_while_the_access_token_lives() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    let session = create_account(&device, &shop.sell(json!({})), &account).await;
    let refunded = shop.sell(json!({ "revocationDate": shop.millis(Duration::ZERO) }));
    assert_eq!(open(&device, &refunded, None, None).await.code(), "subscription-refunded");
    let found = status(&device, &session.access_token).await;
    assert_eq!(found["entitlementActive"], false);
    assert_eq!(
        (&found["entitlement"]["state"], &found["entitlement"]["code"]),
        (&json!("refunded"), &json!("subscription-refunded"))
    );
}

#[tokio::test]
async fn an_invites_account_has_no_subscription() {
    let world = World::new().await;
    let (device, session) = world.enrolled().await;
    let found = status(&device, &session.access_token).await;
    assert_eq!((&found["entitlementActive"], &found["serviceMode"]), (&json!(true), &json!("self-hosted")));
    assert!(found.get("entitlement").is_none());
    assert_eq!(device.call("GET", "/v1/status", &Value::Null, None).await.code(), "token-missing");
}
