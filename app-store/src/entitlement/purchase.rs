//! One purchase or renewal, as far as the entitlement hangs on it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::environment::Environment;
use crate::millis;
use crate::transaction::{OwnershipType, ProductType, Transaction};

/// A transaction's facts. Ordered by the date of purchase, then by the date of signature: a notification about an old transaction (a
/// declined refund, a question about use) is signed later than the renewal that followed it, and must not hide that renewal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Purchase {
    /// When it was bought or renewed.
    #[serde(with = "millis")]
    pub purchased_at: OffsetDateTime,
    /// When Apple signed what is known of it.
    #[serde(with = "millis")]
    pub signed_at: OffsetDateTime,
    /// This purchase or renewal.
    pub transaction_id: String,
    /// The app.
    pub bundle_id: String,
    /// Where.
    pub environment: Environment,
    /// The product.
    pub product_id: String,
    /// Kind of product.
    pub product_type: ProductType,
    /// When the paid time ends; absent for what is not a subscription.
    #[serde(default, with = "millis::option", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<OffsetDateTime>,
    /// Whether somebody else in the family paid.
    pub is_family_shared: bool,
    /// Whether the customer moved up to another product: this one gives nothing any more.
    pub is_upgraded: bool,
}

impl Purchase {
    pub(super) fn of(transaction: &Transaction) -> Self {
        Self {
            purchased_at: millis::whole(transaction.purchase_date),
            signed_at: millis::whole(transaction.signed_date),
            transaction_id: transaction.transaction_id.clone(),
            bundle_id: transaction.bundle_id.clone(),
            environment: transaction.environment.clone(),
            product_id: transaction.product_id.clone(),
            product_type: transaction.product_type.clone(),
            expires_at: transaction.expires_date.map(millis::whole),
            is_family_shared: is_family_shared(transaction),
            is_upgraded: transaction.is_upgraded == Some(true),
        }
    }
}

/// Whoever did not pay for certain is taken for a member of the family: a kind of ownership that is not known is refused where family
/// members are.
pub(super) fn is_family_shared(transaction: &Transaction) -> bool {
    match &transaction.in_app_ownership_type {
        None | Some(OwnershipType::Purchased) => false,
        Some(OwnershipType::FamilyShared | OwnershipType::Unknown(_)) => true,
    }
}
