//! What is known about a subscription's next renewal.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::millis;
use crate::renewal_info::RenewalInfo;

/// Renewal information's facts, ordered by the date of signature: it speaks of the subscription as it stood then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Renewal {
    /// When Apple signed it.
    #[serde(with = "millis")]
    pub signed_at: OffsetDateTime,
    /// Whether it renews itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_renews: Option<bool>,
    /// The product of the next period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_product_id: Option<String>,
    /// Until when Apple asks for access although the charge failed.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<OffsetDateTime>,
    /// Whether Apple is still trying to charge.
    pub is_in_billing_retry: bool,
    /// Why it ended, in Apple's numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_intent: Option<i64>,
}

impl Renewal {
    pub(super) fn of(info: &RenewalInfo) -> Self {
        Self {
            signed_at: millis::whole(info.signed_date),
            auto_renews: info.auto_renew_status.map(|status| status == 1),
            next_product_id: info.auto_renew_product_id.clone(),
            grace_until: info.grace_period_expires_date.map(millis::whole),
            is_in_billing_retry: info.is_in_billing_retry_period == Some(true),
            expiration_intent: info.expiration_intent,
        }
    }
}
