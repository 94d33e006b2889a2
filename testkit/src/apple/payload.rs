//! Payloads as Apple writes them, before they are signed. Overrides replace fields; `null` removes one.

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The app of these payloads.
pub const BUNDLE_ID: &str = "org.example.health";
/// The subscription of these payloads.
pub const PRODUCT_ID: &str = "org.example.health.monthly";

/// When these payloads were signed: 2026-06-15, in milliseconds since 1970.
const SIGNED_AT: i64 = 1_781_524_800_000;
const DAY: i64 = 86_400_000;

/// A transaction of a monthly subscription in production, bought and signed on 2026-06-15, paid for 30 days.
#[must_use]
pub fn transaction(overrides: Value) -> Value {
    let defaults = json!({
        "transactionId": "2000000000000001",
        "originalTransactionId": "2000000000000001",
        "webOrderLineItemId": "2000000000000002",
        "appTransactionId": "704000000000000001",
        "bundleId": BUNDLE_ID,
        "productId": PRODUCT_ID,
        "subscriptionGroupIdentifier": "21000001",
        "purchaseDate": SIGNED_AT,
        "originalPurchaseDate": SIGNED_AT,
        "expiresDate": SIGNED_AT + 30 * DAY,
        "quantity": 1,
        "type": "Auto-Renewable Subscription",
        "inAppOwnershipType": "PURCHASED",
        "signedDate": SIGNED_AT,
        "environment": "Production",
        "transactionReason": "PURCHASE",
        "storefront": "USA",
        "storefrontId": "143441",
        "price": 4990,
        "currency": "USD",
    });
    overridden(defaults, overrides)
}

/// Renewal information of the same subscription, which renews.
#[must_use]
pub fn renewal_info(overrides: Value) -> Value {
    let defaults = json!({
        "originalTransactionId": "2000000000000001",
        "appTransactionId": "704000000000000001",
        "autoRenewProductId": PRODUCT_ID,
        "productId": PRODUCT_ID,
        "autoRenewStatus": 1,
        "isInBillingRetryPeriod": false,
        "signedDate": SIGNED_AT,
        "environment": "Production",
        "recentSubscriptionStartDate": SIGNED_AT,
        "renewalDate": SIGNED_AT + 30 * DAY,
    });
    overridden(defaults, overrides)
}

/// A notification about one subscription. `data` overrides the part of that name, where the signed transaction and renewal
/// information go; a new notification UUID each time.
#[must_use]
pub fn notification(kind: &str, subtype: Option<&str>, data: Value) -> Value {
    let defaults = json!({
        "appAppleId": 6_400_000_001_i64,
        "bundleId": BUNDLE_ID,
        "bundleVersion": "1",
        "environment": "Production",
        "status": 1,
    });
    let mut payload = json!({
        "notificationType": kind,
        "notificationUUID": Uuid::new_v4(),
        "version": "2.0",
        "signedDate": SIGNED_AT,
        "data": overridden(defaults, data),
    });
    if let Some(subtype) = subtype {
        payload["subtype"] = json!(subtype);
    }
    payload
}

fn overridden(defaults: Value, overrides: Value) -> Value {
    let (Value::Object(mut fields), Value::Object(overrides)) = (defaults, overrides) else {
        panic!("overrides must be an object");
    };
    for (name, value) in overrides {
        replace(&mut fields, name, value);
    }
    Value::Object(fields)
}

fn replace(fields: &mut Map<String, Value>, name: String, value: Value) {
    if value.is_null() {
        fields.remove(&name);
    } else {
        fields.insert(name, value);
    }
}
