//! What a signed transaction says (Apple: `JWSTransactionDecodedPayload`). Fields that Tidegate has no use for are left out;
//! unknown ones never fail.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::environment::Environment;
use crate::millis;
use crate::open_enum::open_enum;

open_enum! {
    /// Who paid.
    OwnershipType {
        /// The customer.
        Purchased = "PURCHASED",
        /// Somebody in the customer's family.
        FamilyShared = "FAMILY_SHARED",
    }
}

open_enum! {
    /// Kind of product.
    ProductType {
        /// A subscription that renews itself.
        AutoRenewable = "Auto-Renewable Subscription",
        /// Bought once, kept for good.
        NonConsumable = "Non-Consumable",
        /// Bought and used up.
        Consumable = "Consumable",
        /// A subscription that does not renew itself.
        NonRenewing = "Non-Renewing Subscription",
    }
}

/// The payload of a signed transaction. To have one says nothing about who made it: what is verified is a
/// `VerifiedTransaction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// This purchase or renewal.
    pub transaction_id: String,
    /// The first purchase of the subscription: names it through all renewals.
    pub original_transaction_id: String,
    /// The customer's relation to the app, one for each Apple account and app: also of members of a family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_transaction_id: Option<String>,
    /// The app.
    pub bundle_id: String,
    /// The product.
    pub product_id: String,
    /// The group of products of which a customer can have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_group_identifier: Option<String>,
    /// Kind of product.
    #[serde(rename = "type")]
    pub product_type: ProductType,
    /// Who paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_app_ownership_type: Option<OwnershipType>,
    /// What the app gave at the purchase: UUIDv8 of the account's user id. Absent for family members always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_account_token: Option<Uuid>,
    /// When it was bought or renewed.
    #[serde(with = "millis")]
    pub purchase_date: OffsetDateTime,
    /// When the paid time ends; absent for what is not a subscription.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub expires_date: Option<OffsetDateTime>,
    /// When Apple took it back: refund, or the family lost it.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub revocation_date: Option<OffsetDateTime>,
    /// Why Apple took it back: 1 an issue with the app, 0 another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<i64>,
    /// Whether the customer has moved up to another product of the group: this one gives nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_upgraded: Option<bool>,
    /// When Apple signed this.
    #[serde(with = "millis")]
    pub signed_date: OffsetDateTime,
    /// Where it was bought.
    pub environment: Environment,
    /// SHA-384 over nonce and device verification id, base64: only in what StoreKit gives on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_verification: Option<String>,
    /// The nonce of the above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_verification_nonce: Option<Uuid>,
}
