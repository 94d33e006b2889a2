//! The App Store's sandbox: App Review and TestFlight buy there, through the broker of real customers.

use serde_json::{Value, json};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{Sha256, UserId};
use time::Duration;

use super::shop::{Shop, create_account, link, open};
use crate::device::Account;

fn sandbox(mut overrides: Value) -> Value {
    overrides["environment"] = "Sandbox".into();
    overrides
}

/// A PUT of a checkpoint of this size.
fn put(user: UserId, bytes: usize) -> Value {
    let sha256 = Sha256::of(&bytes.to_be_bytes());
    let key = format!("users/{user}/checkpoints/{}.blob", sha256.digest());
    json!({ "method": "PUT", "key": key, "length": bytes, "sha256": sha256 })
}

#[tokio::test]
async fn app_review_opens_an_account_in_the_sandbox_for_a_day_at_most() {
    let shop = Shop::open().await;
    let (mut device, account) = (shop.device().await, Account::new(1));
    let session = create_account(&device, &shop.sell(sandbox(json!({}))), &account).await;
    assert_eq!(session.scope, AccountScope::Full);
    let renewal = session.renewal_token.unwrap();
    let lives = session.renewal_expires_at.unwrap() - tidegate_broker::clock::Clock::now(&shop.clock);
    assert!(lives <= Duration::days(1), "{lives}");
    shop.clock.advance(Duration::hours(23));
    device.fresh_nonce().await;
    assert_eq!(device.renew(&renewal).await.code(), "ok");
    shop.clock.advance(Duration::hours(1));
    device.fresh_nonce().await;
    assert_eq!(device.renew(&renewal).await.code(), "subscription-expired");
}

#[tokio::test]
async fn a_sandbox_purchase_leads_to_no_account_of_real_ones() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    create_account(&device, &shop.sell(json!({})), &account).await;
    // The same ids, but of the sandbox.
    let jws = shop.sell(sandbox(json!({})));
    let stranger = shop.device().await;
    assert_eq!(open(&stranger, &jws, None, None).await.code(), "account-not-found");
    // Not even for the account's owner, when the real purchase has ended.
    assert_eq!(open(&device, &jws, Some(&account), None).await.code(), "environment-mismatch");
}

#[tokio::test]
async fn an_account_is_of_the_environment_that_linked_it_first() {
    let shop = Shop::open().await;
    let (device, account) = (shop.device().await, Account::new(1));
    // Both are opened before either is linked.
    let real = open(&device, &shop.sell(json!({})), Some(&account), None).await.session();
    let free = open(&device, &shop.sell(sandbox(json!({}))), Some(&account), None).await.session();
    device.put_account_objects(&real.access_token, &account).await;
    let (one, two) = tokio::join!(link(&device, &real), link(&device, &free));
    let mut codes = [one.code(), two.code()];
    codes.sort();
    assert_eq!(codes, ["environment-mismatch", "ok"]);
}

#[tokio::test]
async fn the_sandbox_has_a_quota_of_its_own() {
    let shop = Shop::with(|options, _| options.limits.sandbox_daily_bytes = 1 << 20).await;
    let (real, free) = (Account::new(1), Account::new(2));
    let (paying, reviewing) = (shop.device().await, shop.device().await);
    let paid = create_account(&paying, &shop.sell(json!({})), &real).await;
    let tried = create_account(&reviewing, &shop.sell(sandbox(json!({}))), &free).await;
    assert_eq!(paying.presign(&paid.access_token, put(real.user(), 2 << 20)).await["outcome"], "signed");
    assert_eq!(reviewing.presign(&tried.access_token, put(free.user(), 2 << 20)).await["code"], "daily-limit");
    assert_eq!(reviewing.presign(&tried.access_token, put(free.user(), 1 << 19)).await["outcome"], "signed");
    // A renewed session has not forgotten where it came from.
    let renewed = reviewing.renew(&tried.renewal_token.unwrap()).await.session();
    assert_eq!(reviewing.presign(&renewed.access_token, put(free.user(), 1 << 20)).await["code"], "daily-limit");
}

#[tokio::test]
async fn other_environments_are_refused() {
    let shop = Shop::open().await;
    let device = shop.device().await;
    for environment in ["Xcode", "LocalTesting", "Elsewhere", "production"] {
        let jws = shop.sell(json!({ "environment": environment }));
        let code = open(&device, &jws, Some(&Account::new(1)), None).await.code();
        assert_eq!(code, "app-store-wrong-environment", "{environment}");
    }
}
