//! What an operator does about App Store subscriptions beside the service.

use std::sync::Arc;

use tidegate_app_store::Environment;
use tidegate_protocol::StoreEnvironment;
use tidegate_sigv4::EndpointError;
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::app_store::{RecoverError, ServerApiError};

pub use crate::identity::app_store::Recovered;

/// Why a recovery did not reach its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// Hosted mode or the App Store Server API is not configured.
    #[error("the App Store Server API is not configured")]
    NotConfigured,
    /// The store's public address is not one.
    #[error("the store's address cannot be used")]
    Endpoint(#[from] EndpointError),
    /// Apple does not accept the key.
    #[error("Apple does not accept the key")]
    KeyRefused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Apple or the store did not answer; what was heard counts.
    #[error("the walk was cut short")]
    Interrupted(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Walks Apple's history of notifications, for each app and environment that is configured, and counts what was never heard.
///
/// # Errors
/// [`WalkError`]. A walk that was cut short is gone on with by the next one.
pub async fn recover(config: &Config, clock: Arc<dyn Clock>, since: Option<OffsetDateTime>) -> Result<Vec<Recovered>, WalkError> {
    let broker = Broker::new(config, clock)?;
    let (Some(settings), Some(api)) = (&config.app_store, broker.questions.api()) else { return Err(WalkError::NotConfigured) };
    let mut walks = Vec::new();
    for environment in settings.app.environments.iter().filter_map(walked) {
        for bundle_id in &settings.app.bundle_ids {
            let walk = crate::identity::app_store::recover(&broker, api, environment, bundle_id, since).await;
            walks.push(walk.map_err(WalkError::from)?);
        }
    }
    Ok(walks)
}

/// What Xcode signs has no history.
fn walked(environment: &Environment) -> Option<StoreEnvironment> {
    match environment {
        Environment::Production => Some(StoreEnvironment::Production),
        Environment::Sandbox => Some(StoreEnvironment::Sandbox),
        Environment::Xcode | Environment::LocalTesting | Environment::Unknown(_) => None,
    }
}

impl From<RecoverError> for WalkError {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Api(ServerApiError::Unauthorized) => Self::KeyRefused(Box::new(error)),
            RecoverError::Api(_) | RecoverError::Store(_) | RecoverError::Notification(_) | RecoverError::Endless => {
                Self::Interrupted(Box::new(error))
            }
        }
    }
}
