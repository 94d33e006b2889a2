//! What the App Store says in tests: payloads about one subscription, dated in days from now.

use serde_json::json;
use tidegate_app_store::{
    Entitlement, EntitlementPolicy, Event, NotificationPayload, NotificationType, OwnershipType, RenewalInfo, Standing, Subtype,
    Transaction, apply,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);
pub(crate) const PRODUCT: &str = "org.example.health.monthly";

pub(crate) fn day(days: i64) -> OffsetDateTime {
    NOW + Duration::days(days)
}

fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap()
}

pub(crate) fn policy() -> EntitlementPolicy {
    EntitlementPolicy::new([PRODUCT])
}

/// Transaction `id`, bought on one day and paid until another, signed when it was bought.
pub(crate) fn transaction(id: u32, bought: i64, until: i64) -> Transaction {
    serde_json::from_value(json!({
        "transactionId": id.to_string(),
        "originalTransactionId": "1",
        "bundleId": "org.example.health",
        "productId": PRODUCT,
        "type": "Auto-Renewable Subscription",
        "inAppOwnershipType": "PURCHASED",
        "purchaseDate": millis(day(bought)),
        "expiresDate": millis(day(until)),
        "signedDate": millis(day(bought)),
        "environment": "Production",
    }))
    .unwrap()
}

pub(crate) fn signed(mut transaction: Transaction, on: i64) -> Transaction {
    transaction.signed_date = day(on);
    transaction
}

pub(crate) fn revoked(mut transaction: Transaction, on: i64) -> Transaction {
    transaction.revocation_date = Some(day(on));
    signed(transaction, on)
}

pub(crate) fn family(mut transaction: Transaction) -> Transaction {
    transaction.in_app_ownership_type = Some(OwnershipType::FamilyShared);
    transaction
}

pub(crate) fn renewal(on: i64) -> RenewalInfo {
    serde_json::from_value(json!({
        "originalTransactionId": "1",
        "productId": PRODUCT,
        "autoRenewProductId": PRODUCT,
        "autoRenewStatus": 1,
        "signedDate": millis(day(on)),
        "environment": "Production",
    }))
    .unwrap()
}

pub(crate) fn in_retry(mut info: RenewalInfo) -> RenewalInfo {
    info.is_in_billing_retry_period = Some(true);
    info
}

pub(crate) fn with_grace(info: RenewalInfo, until: i64) -> RenewalInfo {
    let mut info = in_retry(info);
    info.grace_period_expires_date = Some(day(until));
    info
}

pub(crate) fn notification(kind: NotificationType, subtype: Option<Subtype>, on: i64) -> NotificationPayload {
    NotificationPayload {
        notification_type: kind,
        subtype,
        notification_uuid: uuid::Uuid::from_u128(7),
        signed_date: day(on),
        data: None,
        summary: None,
        external_purchase_token: None,
        app_data: None,
    }
}

/// A notification of this type about this transaction, signed when the transaction was.
pub(crate) fn notified(kind: NotificationType, transaction: &Transaction) -> Event {
    let mut payload = notification(kind, None, 0);
    payload.signed_date = transaction.signed_date;
    Event::notified(&payload, Some(transaction), None)
}

pub(crate) fn after<'e>(events: impl IntoIterator<Item = &'e Event>) -> Entitlement {
    events.into_iter().fold(Entitlement::default(), apply)
}

pub(crate) fn standing(events: &[Event]) -> Standing {
    after(events).standing(NOW, &policy())
}

/// `active for 20 days`, `grace for 6 days`, or the code of the refusal.
pub(crate) fn describe(standing: Standing) -> String {
    match standing {
        Standing::Active { until } => format!("active for {} days", (until - NOW).whole_days()),
        Standing::Grace { until } => format!("grace for {} days", (until - NOW).whole_days()),
        Standing::Closed(closed) => format!("`{}`", closed.code()),
    }
}
