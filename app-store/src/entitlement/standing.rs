//! What an entitlement is worth now, by the operator's policy.

use std::collections::BTreeSet;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::Entitlement;
use super::purchase::Purchase;
use super::verdict::Word;
use crate::environment::Environment;
use crate::transaction::ProductType;

/// The end of what never ends: a product bought once for good.
pub const FOREVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// What the operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitlementPolicy {
    /// The products that open a session.
    pub products: BTreeSet<String>,
    /// Whether access goes on in Apple's grace period, while a failed charge is tried again.
    pub grace: bool,
    /// Whether family members are let in on what one of them bought.
    pub family_sharing: bool,
    /// How long a purchase in the sandbox opens sessions at most: it costs nothing.
    pub sandbox_lives: Duration,
}

impl EntitlementPolicy {
    /// These products; grace and family members accepted; a day for the sandbox.
    pub fn new<P: Into<String>>(products: impl IntoIterator<Item = P>) -> Self {
        Self {
            products: products.into_iter().map(Into::into).collect(),
            grace: true,
            family_sharing: true,
            sandbox_lives: Duration::days(1),
        }
    }
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Paid until then.
    Active {
        /// The end of the paid time; [`FOREVER`] for what has none.
        until: OffsetDateTime,
    },
    /// A charge failed and Apple asks for access until then.
    Grace {
        /// The end of the grace period.
        until: OffsetDateTime,
    },
    /// No session opens.
    Closed(Closed),
}

/// Why no session opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Nothing is known of a purchase.
    #[error("no purchase of this subscription is known")]
    Unknown,
    /// The paid time ended and Apple is still trying to charge.
    #[error("the subscription could not be charged since {since}")]
    BillingRetry {
        /// The end of the paid time.
        since: OffsetDateTime,
    },
    /// The paid time ended.
    #[error("the subscription ended at {at}")]
    Expired {
        /// The end of the paid time.
        at: OffsetDateTime,
    },
    /// The transaction was refunded.
    #[error("the purchase was refunded at {at}")]
    Refunded {
        /// When.
        at: OffsetDateTime,
    },
    /// What a family shared is shared no longer.
    #[error("the subscription is not shared any more since {at}")]
    Revoked {
        /// When.
        at: OffsetDateTime,
    },
    /// The customer moved up to another product, whose transaction is not known yet.
    #[error("the subscription was replaced by another product's; its own transaction is needed")]
    Upgraded,
    /// The operator does not let family members in.
    #[error("subscriptions shared in a family are not accepted")]
    FamilyShared,
    /// The product is not one that opens sessions.
    #[error("the product does not include this service")]
    Product,
    /// The product is neither a subscription nor bought for good.
    #[error("the product is neither a subscription nor bought for good")]
    ProductType,
}

impl Closed {
    /// Every code that there is.
    pub const CODES: &[&'static str] = &[
        "subscription-unknown",
        "subscription-billing-retry",
        "subscription-expired",
        "subscription-refunded",
        "subscription-revoked",
        "subscription-upgraded",
        "subscription-family-shared",
        "subscription-product",
        "subscription-product-type",
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "subscription-unknown",
            Self::BillingRetry { .. } => "subscription-billing-retry",
            Self::Expired { .. } => "subscription-expired",
            Self::Refunded { .. } => "subscription-refunded",
            Self::Revoked { .. } => "subscription-revoked",
            Self::Upgraded => "subscription-upgraded",
            Self::FamilyShared => "subscription-family-shared",
            Self::Product => "subscription-product",
            Self::ProductType => "subscription-product-type",
        }
    }
}

impl Entitlement {
    /// Where the subscription stands at `now`.
    #[must_use]
    pub fn standing(&self, now: OffsetDateTime, policy: &EntitlementPolicy) -> Standing {
        let Some(purchase) = &self.purchase else { return Standing::Closed(Closed::Unknown) };
        let closed = self.taken_back(purchase).or_else(|| not_offered(purchase, policy));
        if let Some(closed) = closed {
            return Standing::Closed(closed);
        }
        let Some(paid_until) = paid_until(purchase) else { return Standing::Closed(Closed::ProductType) };
        let until = capped(paid_until, purchase, policy);
        if now < until {
            return Standing::Active { until };
        }
        match self.grace_until(purchase).map(|until| capped(until, purchase, policy)) {
            Some(until) if policy.grace && now < until => Standing::Grace { until },
            Some(_) | None if self.is_in_billing_retry(purchase) => Standing::Closed(Closed::BillingRetry { since: until }),
            Some(_) | None => Standing::Closed(Closed::Expired { at: until }),
        }
    }

    /// Until when a session may live that is opened at `now`.
    ///
    /// # Errors
    /// Why none may be opened.
    pub fn may_open_session(&self, now: OffsetDateTime, policy: &EntitlementPolicy) -> Result<OffsetDateTime, Closed> {
        match self.standing(now, policy) {
            Standing::Active { until } | Standing::Grace { until } => Ok(until),
            Standing::Closed(closed) => Err(closed),
        }
    }

    fn taken_back(&self, purchase: &Purchase) -> Option<Closed> {
        let verdict = self.verdicts.get(&purchase.transaction_id)?;
        match verdict.word {
            Word::Reversed => None,
            Word::Revoked => Some(Closed::Revoked { at: verdict.at }),
            Word::Refunded => Some(Closed::Refunded { at: verdict.at }),
        }
    }

    /// Renewal information signed before the purchase speaks of the period before it: its grace would outlive the charge that ended it.
    fn current_renewal(&self, purchase: &Purchase) -> Option<&super::Renewal> {
        self.renewal.as_ref().filter(|renewal| renewal.signed_at >= purchase.purchased_at)
    }

    fn grace_until(&self, purchase: &Purchase) -> Option<OffsetDateTime> {
        self.current_renewal(purchase)?.grace_until
    }

    fn is_in_billing_retry(&self, purchase: &Purchase) -> bool {
        self.current_renewal(purchase).is_some_and(|renewal| renewal.is_in_billing_retry)
    }
}

fn not_offered(purchase: &Purchase, policy: &EntitlementPolicy) -> Option<Closed> {
    if purchase.is_upgraded {
        return Some(Closed::Upgraded);
    }
    if purchase.is_family_shared && !policy.family_sharing {
        return Some(Closed::FamilyShared);
    }
    (!policy.products.contains(&purchase.product_id)).then_some(Closed::Product)
}

/// `None` for what has no end that Apple knows of and is not bought for good.
fn paid_until(purchase: &Purchase) -> Option<OffsetDateTime> {
    match (&purchase.product_type, purchase.expires_at) {
        (ProductType::AutoRenewable, Some(expires)) => Some(expires),
        (ProductType::NonConsumable, _) => Some(FOREVER),
        (ProductType::AutoRenewable, None)
        | (ProductType::Consumable | ProductType::NonRenewing | ProductType::Unknown(_), _) => None,
    }
}

/// Whatever is not paid for with money ends within the sandbox's time.
fn capped(until: OffsetDateTime, purchase: &Purchase, policy: &EntitlementPolicy) -> OffsetDateTime {
    match purchase.environment {
        Environment::Production => until,
        Environment::Sandbox | Environment::Xcode | Environment::LocalTesting | Environment::Unknown(_) => {
            until.min(purchase.purchased_at.saturating_add(policy.sandbox_lives))
        }
    }
}
