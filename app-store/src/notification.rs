//! App Store Server Notifications V2: what the outer payload says (Apple: `responseBodyV2DecodedPayload`). The signed
//! transaction and renewal information inside are JWS of their own.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::environment::Environment;
use crate::millis;
use crate::open_enum::open_enum;

open_enum! {
    /// What happened.
    NotificationType {
        /// A first purchase, or one after the subscription had ended.
        Subscribed = "SUBSCRIBED",
        /// The customer chose another product.
        DidChangeRenewalPref = "DID_CHANGE_RENEWAL_PREF",
        /// Automatic renewal was switched on or off.
        DidChangeRenewalStatus = "DID_CHANGE_RENEWAL_STATUS",
        /// An offer was taken up.
        OfferRedeemed = "OFFER_REDEEMED",
        /// It renewed.
        DidRenew = "DID_RENEW",
        /// It ended.
        Expired = "EXPIRED",
        /// The charge failed.
        DidFailToRenew = "DID_FAIL_TO_RENEW",
        /// The grace period ended without a charge.
        GracePeriodExpired = "GRACE_PERIOD_EXPIRED",
        /// A price increase was announced or answered.
        PriceIncrease = "PRICE_INCREASE",
        /// Apple refunded a transaction.
        Refund = "REFUND",
        /// Apple declined a refund.
        RefundDeclined = "REFUND_DECLINED",
        /// Apple asks about use, for a refund.
        ConsumptionRequest = "CONSUMPTION_REQUEST",
        /// A renewal date was moved for one subscription.
        RenewalExtended = "RENEWAL_EXTENDED",
        /// A family member lost what was shared.
        Revoke = "REVOKE",
        /// The developer asked for a test.
        Test = "TEST",
        /// A renewal date was moved for many subscriptions.
        RenewalExtension = "RENEWAL_EXTENSION",
        /// A refund was taken back.
        RefundReversed = "REFUND_REVERSED",
        /// A token of an external purchase.
        ExternalPurchaseToken = "EXTERNAL_PURCHASE_TOKEN",
        /// Something was bought that is no subscription.
        OneTimeCharge = "ONE_TIME_CHARGE",
        /// A parent took consent to an app back.
        RescindConsent = "RESCIND_CONSENT",
        /// Metadata of a subscription changed.
        MetadataUpdate = "METADATA_UPDATE",
        /// A subscription moved between ways of selling.
        Migration = "MIGRATION",
        /// A price changed.
        PriceChange = "PRICE_CHANGE",
    }
}

open_enum! {
    /// More about what happened.
    Subtype {
        /// The first purchase.
        InitialBuy = "INITIAL_BUY",
        /// A purchase after the end.
        Resubscribe = "RESUBSCRIBE",
        /// To a lesser product, at the next renewal.
        Downgrade = "DOWNGRADE",
        /// To a greater product, at once.
        Upgrade = "UPGRADE",
        /// Automatic renewal on.
        AutoRenewEnabled = "AUTO_RENEW_ENABLED",
        /// Automatic renewal off.
        AutoRenewDisabled = "AUTO_RENEW_DISABLED",
        /// The customer let it end.
        Voluntary = "VOLUNTARY",
        /// It ended since no charge succeeded.
        BillingRetry = "BILLING_RETRY",
        /// It ended without consent to a price.
        PriceIncrease = "PRICE_INCREASE",
        /// Access goes on while Apple tries to charge.
        GracePeriod = "GRACE_PERIOD",
        /// The customer has not answered.
        Pending = "PENDING",
        /// The customer agreed.
        Accepted = "ACCEPTED",
        /// A charge that had failed succeeded.
        BillingRecovery = "BILLING_RECOVERY",
        /// It ended since the product is not sold any more.
        ProductNotForSale = "PRODUCT_NOT_FOR_SALE",
        /// A summary over many subscriptions.
        Summary = "SUMMARY",
        /// It failed for one subscription.
        Failure = "FAILURE",
        /// A token was not reported.
        Unreported = "UNREPORTED",
        /// A reminder of an active token.
        ActiveTokenReminder = "ACTIVE_TOKEN_REMINDER",
        /// A token was made.
        Created = "CREATED",
    }
}

/// The outer payload. To have one says nothing about who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPayload {
    /// What happened.
    pub notification_type: NotificationType,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtype: Option<Subtype>,
    /// Names the notification: repeated deliveries have the same.
    #[serde(rename = "notificationUUID")]
    pub notification_uuid: Uuid,
    /// When Apple signed it.
    #[serde(with = "millis")]
    pub signed_date: OffsetDateTime,
    /// About one subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<NotificationData>,
    /// About many (`RENEWAL_EXTENSION` with `SUMMARY`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<NotificationData>,
    /// About an external purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_purchase_token: Option<NotificationData>,
    /// About the app as a whole (`RESCIND_CONSENT`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_data: Option<NotificationData>,
}

/// What a notification is about: the fields of `data`, `summary`, `externalPurchaseToken` and `appData` that Tidegate uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationData {
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// The app's number in the App Store; in production only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_apple_id: Option<i64>,
    /// The subscription's status as the App Store sees it: 1 active, 2 expired, 3 billing retry, 4 grace period, 5 revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// The transaction, a JWS of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_transaction_info: Option<String>,
    /// The renewal information, a JWS of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_renewal_info: Option<String>,
    /// The external purchase; its environment is `SANDBOX_`-prefixed in tests and it has no `environment` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_purchase_id: Option<String>,
}
