//! StoreKit testing in Xcode: its transactions prove nothing, and open accounts on a developer's own machine alone.

use serde_json::{Value, json};
use tidegate_broker::config::AppStoreSettings;
use tidegate_protocol::scope::AccountScope;
use tidegate_testkit::apple::{BUNDLE_ID, PRODUCT_ID, TestCa};

use super::shop::{Shop, create_account, open};
use crate::device::Account;

async fn shop() -> Shop {
    Shop::with(|_, settings| *settings = AppStoreSettings::of_xcode(BUNDLE_ID, [PRODUCT_ID])).await
}

fn of(environment: &str, mut overrides: Value) -> Value {
    overrides["environment"] = environment.into();
    overrides
}

#[tokio::test]
async fn what_xcode_signs_opens_an_account_in_development() {
    let mut shop = shop().await;
    shop.ca = TestCa::new();
    let (device, account) = (shop.device().await, Account::new(1));
    let session = create_account(&device, &shop.sell(of("Xcode", json!({}))), &account).await;
    assert_eq!(session.scope, AccountScope::Full);
}

#[tokio::test]
async fn even_then_only_for_the_app_and_never_for_a_paid_environment() {
    let shop = shop().await;
    let (device, account) = (shop.device().await, Account::new(1));
    let code = async |overrides: Value| open(&device, &shop.sell(overrides), Some(&account), None).await.code();
    for environment in ["Production", "Sandbox", "Elsewhere"] {
        assert_eq!(code(of(environment, json!({}))).await, "app-store-root-untrusted", "{environment}");
    }
    assert_eq!(code(of("Xcode", json!({"bundleId": "org.example.other"}))).await, "app-store-wrong-bundle");
    assert_eq!(code(of("Xcode", json!({"productId": "org.example.other"}))).await, "subscription-product");
}

#[tokio::test]
async fn elsewhere_it_opens_nothing() {
    let shop = Shop::open().await;
    let device = shop.device().await;
    let reply = open(&device, &shop.sell(of("Xcode", json!({}))), Some(&Account::new(1)), None).await;
    assert_eq!(reply.status, 403);
}
