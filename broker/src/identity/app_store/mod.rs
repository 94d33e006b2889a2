//! App Store subscriptions as a way into an account.

mod app;
mod claim;
mod entitlement_store;
mod environment;
mod ocsp_fetch;
mod refused;
mod revocation;
#[cfg(test)]
mod revocation_tests;
#[cfg_attr(not(test), expect(dead_code, reason = "the routes that ask come next"))]
mod verify;

pub(crate) use app::AppStore;
pub(crate) use claim::SubscriptionClaim;
pub(crate) use entitlement_store::Entitlements;
#[expect(unused_imports, reason = "subscription sessions use them")]
pub(crate) use entitlement_store::{current, entitlement_of, subscription_name};
#[cfg(test)]
pub(crate) use environment::EnvironmentDocument;
use tidegate_protocol::UserId;
use tidegate_protocol::problem::ProblemCode;
use time::OffsetDateTime;

use super::link;
use crate::broker::Broker;
use crate::problem::Problem;

/// Refuses a subscription that opens no session any more; says when it will end.
pub(super) async fn refuse_ended(_: &Broker, _: &SubscriptionClaim) -> Result<OffsetDateTime, Problem> {
    Err(Problem::new(ProblemCode::SubscriptionUnknown, "nothing is known of this subscription; sign in with its transaction"))
}

/// Settles the account in the environment of the purchase.
pub(super) async fn settle(broker: &Broker, claim: &SubscriptionClaim, user: UserId) -> Result<(), Problem> {
    environment::settle(broker, &claim.env, user).await
}

/// Links the customer's other name too. Where it leads to another account it stays so: the first name decides.
pub(super) async fn tie_second_name(broker: &Broker, claim: &SubscriptionClaim, user: UserId) -> Result<(), Problem> {
    if let Some(name) = claim.also {
        link::create(broker, name, user).await?;
    }
    Ok(())
}
