//! A session lives no longer than what was paid for.

use serde_json::json;
use tidegate_broker::clock::Clock as _;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::wire::timestamp;
use time::Duration;

use super::shop::{Shop, create_account, link, open};
use crate::device::{Account, Device, Reply, send};

#[tokio::test]
async fn tokens_and_urls_end_with_the_subscription() {
    let shop = Shop::open().await;
    let (mut device, account) = (shop.device().await, Account::new(1));
    let jws = shop.sell(json!({ "expiresDate": shop.millis(Duration::minutes(10)) }));
    let ends = shop.clock.now() + Duration::minutes(10);
    let session = create_account(&device, &jws, &account).await;
    assert!(session.access_expires_at <= ends && session.renewal_expires_at.unwrap() <= ends, "{session:?}");
    shop.clock.advance(Duration::minutes(6));
    device.fresh_nonce().await;
    let get = json!({ "method": "GET", "key": format!("users/{}/genesis.json", account.user()) });
    let signed = device.presign(&session.access_token, get.clone()).await;
    assert!(timestamp::parse(signed["expiresAt"].as_str().unwrap()).unwrap() <= ends, "{signed}");

    shop.clock.advance(Duration::minutes(4));
    device.fresh_nonce().await;
    let body = json!({ "items": [get] });
    assert_eq!(device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await.code(), "token-expired");
    assert_eq!(device.renew(&session.renewal_token.unwrap()).await.code(), "subscription-expired");
    assert_eq!(open(&device, &jws, Some(&account), None).await.code(), "subscription-expired");
    assert_eq!(open(&device, &jws, None, None).await.code(), "subscription-expired");
}

#[tokio::test]
async fn a_renewed_subscription_lengthens_sessions_that_are_still_open() {
    let shop = Shop::open().await;
    let (mut phone, account) = (shop.device().await, Account::new(1));
    let bought = shop.millis(Duration::ZERO);
    let jws = shop.sell(json!({ "expiresDate": shop.millis(Duration::hours(2)) }));
    let session = create_account(&phone, &jws, &account).await;
    let renewal = session.renewal_token.unwrap();
    // Another device of the customer shows the renewal; a notification would do the same.
    shop.clock.advance(Duration::hours(1));
    let mut tablet = shop.device().await;
    let next = json!({ "transactionId": "2000000000000002", "originalPurchaseDate": bought });
    assert_eq!(open(&tablet, &shop.sell(next), Some(&account), None).await.session().scope, AccountScope::Full);
    phone.fresh_nonce().await;
    let renewed = phone.renew(&renewal).await.session();
    let longer = renewed.renewal_token.expect("the old one ends too soon");
    assert!(renewed.renewal_expires_at.unwrap() > shop.clock.now() + Duration::days(29));
    shop.clock.advance(Duration::hours(2));
    phone.fresh_nonce().await;
    assert_eq!(phone.renew(&longer).await.code(), "ok");
    // The first token says less of itself than holds now, and what it says counts.
    assert_eq!(phone.renew(&renewal).await.code(), "renewal-expired");
    tablet.fresh_nonce().await;
    // An old transaction is no way back: the newest that is known counts.
    assert_eq!(open(&tablet, &jws, Some(&account), None).await.session().scope, AccountScope::Full);
}

#[tokio::test]
async fn a_refund_ends_renewals_on_every_replica_within_a_minute() {
    let shop = Shop::open().await;
    let (mut device, account) = (shop.device().await, Account::new(1));
    let session = create_account(&device, &shop.sell(json!({})), &account).await;
    let renewal = session.renewal_token.unwrap();
    let (replica, elsewhere) = shop.replica().await;
    assert_eq!(renew_at(&elsewhere, &device, &renewal).await.code(), "ok");

    let refunded = shop.sell(json!({ "revocationDate": shop.millis(Duration::ZERO), "revocationReason": 0 }));
    assert_eq!(open(&device, &refunded, Some(&account), None).await.code(), "subscription-refunded");
    // Here at once; there when what was read is a minute old.
    assert_eq!(device.renew(&renewal).await.code(), "subscription-refunded");
    shop.clock.advance(Duration::seconds(61));
    device.fresh_nonce().await;
    assert_eq!(renew_at(&elsewhere, &device, &renewal).await.code(), "subscription-refunded");
    assert_eq!(device.renew(&renewal).await.code(), "subscription-refunded");
    // The access tokens that are out end by themselves.
    shop.clock.advance(Duration::minutes(15));
    device.fresh_nonce().await;
    let body = json!({ "items": [{ "method": "GET", "key": "nonsense" }] });
    assert_eq!(device.call("POST", "/v1/presign", &body, Some(&session.access_token)).await.code(), "token-expired");
    replica.shutdown().await;
}

#[tokio::test]
async fn expiry_ends_renewals_on_every_replica_at_once() {
    let shop = Shop::open().await;
    let (mut device, account) = (shop.device().await, Account::new(1));
    let jws = shop.sell(json!({ "expiresDate": shop.millis(Duration::hours(1)) }));
    let renewal = create_account(&device, &jws, &account).await.renewal_token.unwrap();
    let (replica, elsewhere) = shop.replica().await;
    shop.clock.advance(Duration::minutes(59));
    device.fresh_nonce().await;
    assert_eq!(renew_at(&elsewhere, &device, &renewal).await.code(), "ok");
    shop.clock.advance(Duration::minutes(1));
    device.fresh_nonce().await;
    assert_eq!(renew_at(&elsewhere, &device, &renewal).await.code(), "subscription-expired");
    assert_eq!(device.renew(&renewal).await.code(), "subscription-expired");
    replica.shutdown().await;
}

#[tokio::test]
async fn what_was_refunded_between_creation_and_link_is_not_linked() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    let create = open(&device, &shop.sell(json!({})), Some(&account), None).await.session();
    device.put_account_objects(&create.access_token, &account).await;
    let refunded = shop.sell(json!({ "revocationDate": shop.millis(Duration::ZERO) }));
    assert_eq!(open(&device, &refunded, Some(&account), None).await.code(), "subscription-refunded");
    assert_eq!(link(&device, &create).await.code(), "subscription-refunded");
    assert!(!shop.keys().iter().any(|key| key.starts_with("_tidegate/links/")));
}

#[tokio::test]
async fn transactions_are_taken_while_they_are_young_and_of_the_right_product() {
    let shop = Shop::open().await;
    let device = shop.device().await;
    let code = async |overrides| open(&device, &shop.sell(overrides), Some(&Account::new(1)), None).await.code();
    let signed = |days| shop.millis(Duration::days(days));
    let old = json!({ "signedDate": signed(-31), "purchaseDate": signed(-31), "expiresDate": signed(300) });
    assert_eq!(code(old).await, "transaction-too-old");
    assert_eq!(
        code(json!({ "signedDate": signed(1), "transactionId": "9", "originalTransactionId": "9" })).await,
        "transaction-from-future"
    );
    let of = |id: &str, field: &str, value: &str| json!({ "transactionId": id, "originalTransactionId": id, field: value });
    assert_eq!(code(of("10", "productId", "org.example.health.lamp")).await, "subscription-product");
    assert_eq!(code(of("11", "type", "Consumable")).await, "subscription-product-type");
    assert_eq!(code(of("12", "bundleId", "org.example.other")).await, "app-store-wrong-bundle");
    let upgraded = json!({ "transactionId": "13", "originalTransactionId": "13", "isUpgraded": true });
    assert_eq!(code(upgraded).await, "subscription-upgraded");
    let for_good = json!({ "transactionId": "14", "originalTransactionId": "14", "type": "Non-Consumable", "expiresDate": null });
    assert_eq!(code(for_good).await, "ok");
}

/// A renewal at another replica: the proof names the public URL, wherever it arrives.
async fn renew_at(replica: &str, device: &Device, renewal_token: &str) -> Reply {
    let body = serde_json::to_vec(&json!({ "renewalToken": renewal_token })).unwrap();
    let proof = device.sign(&device.proof("POST", "/v1/session/renew", &body, Some(renewal_token)));
    let headers = [("content-type", "application/json"), ("dpop", proof.as_str())];
    send(reqwest::Method::POST, &format!("{replica}/v1/session/renew"), &headers, body).await
}
