//! App Store subscriptions.

mod entitlement_store;

pub(crate) use entitlement_store::Entitlements;
#[expect(unused_imports, reason = "subscription sessions use them")]
pub(crate) use entitlement_store::{current, entitlement_of, subscription_name};
