//! In which of the App Store's environments an account's subscription is: one for good.
//!
//! Purchases in the sandbox cost nothing. Their links have names of their own, so a sandbox transaction leads to no account of
//! real purchases; but whoever holds such an account's key could link it once more, by a sandbox purchase, when the real one has
//! ended. So the account itself belongs to one environment.

use serde::{Deserialize, Serialize};
use tidegate_app_store::Environment;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, StateKey, UserId};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::problem::Problem;
use crate::store::{create_once, read};

const FORMAT: &str = "tidegate/account-environment/v1";

/// `_tidegate/accounts/{user}/environment.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EnvironmentDocument {
    pub(crate) format: String,
    pub(crate) environment: Environment,
    #[serde(with = "timestamp")]
    pub(crate) since: OffsetDateTime,
}

impl EnvironmentDocument {
    pub(crate) fn new(environment: Environment, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), environment, since: now }
    }
}

/// Refuses an account of another environment.
pub(super) async fn refuse_other(broker: &Broker, environment: &Environment, user: UserId) -> Result<(), Problem> {
    match settled(broker, user).await? {
        Some(settled) if settled != *environment => Err(mismatch(&settled)),
        Some(_) | None => Ok(()),
    }
}

/// Settles the account in this environment, or refuses it where it is settled in another.
pub(super) async fn settle(broker: &Broker, environment: &Environment, user: UserId) -> Result<(), Problem> {
    let document = EnvironmentDocument::new(environment.clone(), broker.clock.now());
    if create_once(&broker.store, &key(user), &document).await? {
        return Ok(());
    }
    refuse_other(broker, environment, user).await
}

async fn settled(broker: &Broker, user: UserId) -> Result<Option<Environment>, Problem> {
    let found = read::<EnvironmentDocument>(&broker.store, &key(user)).await?;
    Ok(found.map(|found| found.document.environment))
}

fn key(user: UserId) -> ObjectKey {
    ObjectKey::State(StateKey::AccountEnvironment { user })
}

fn mismatch(settled: &Environment) -> Problem {
    let message = format!("the account belongs to the App Store's {settled} environment; make another one for this one");
    Problem::new(ProblemCode::EnvironmentMismatch, message)
}
