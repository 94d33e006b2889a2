//! What signed renewal information says (Apple: `JWSRenewalInfoDecodedPayload`).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::millis;

/// The payload of signed renewal information, as far as Tidegate uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    /// The subscription.
    pub original_transaction_id: String,
    /// The customer's relation to the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_transaction_id: Option<String>,
    /// The product now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The product of the next period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_renew_product_id: Option<String>,
    /// Whether it renews: 1 yes, 0 no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_renew_status: Option<i64>,
    /// Whether Apple is still trying to charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_in_billing_retry_period: Option<bool>,
    /// Until when Apple asks for access although the charge failed.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub grace_period_expires_date: Option<OffsetDateTime>,
    /// Why it ended: 1 the customer, 2 billing, 3 no consent to a price, 4 product not for sale, 5 another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_intent: Option<i64>,
    /// When the next period is charged.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub renewal_date: Option<OffsetDateTime>,
    /// When Apple signed this.
    #[serde(with = "millis")]
    pub signed_date: OffsetDateTime,
    /// Where it was bought.
    pub environment: Environment,
}
