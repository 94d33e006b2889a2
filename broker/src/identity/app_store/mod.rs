//! App Store subscriptions as a way into an account.

mod app;
mod ask;
#[cfg(all(test, feature = "embedded"))]
mod asked;
mod claim;
mod entitlement_store;
mod environment;
mod notifications;
mod ocsp_fetch;
mod recover;
mod refusal;
mod refused;
mod revocation;
#[cfg(test)]
mod revocation_tests;
mod server_api;
mod session;
mod status;
mod verify;

pub(crate) use app::AppStore;
pub(crate) use ask::Questions;
pub(crate) use claim::SubscriptionClaim;
pub(crate) use entitlement_store::Entitlements;
#[cfg(test)]
pub(crate) use environment::EnvironmentDocument;
#[cfg(test)]
pub(crate) use notifications::NotificationDocument;
pub(crate) use notifications::{__path_notifications, notifications};
pub use recover::Recovered;
#[cfg(test)]
pub(crate) use recover::{Place, RecoveryDocument, Unfinished};
pub(crate) use recover::{RecoverError, recover};
pub(crate) use server_api::{ServerApi, ServerApiError};
pub(crate) use session::{__path_subscription_session, subscription_session};
pub(crate) use status::{__path_status, Asker, status};
use tidegate_protocol::UserId;
use time::OffsetDateTime;

use self::entitlement_store::current;
use super::link;
use crate::broker::Broker;
use crate::problem::Problem;

/// Refuses a subscription that opens no session any more; says when it will end. By a reading that is at most a minute old.
pub(super) async fn refuse_ended(broker: &Broker, claim: &SubscriptionClaim) -> Result<OffsetDateTime, Problem> {
    let app_store = broker.app_store.as_ref().ok_or_else(refusal::not_offered)?;
    // Settings may have become narrower since the session began.
    if !app_store.settings.app.environments.contains(&claim.env) {
        return Err(refusal::not_offered());
    }
    let known = current(broker, claim.ent).await?.ok_or_else(refusal::unknown)?;
    known.may_open_session(broker.clock.now(), &app_store.settings.entitlement).map_err(refusal::closed)
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
