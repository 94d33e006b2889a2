//! Secrets that change while the broker serves: signing keys, the store's credentials, the log drain's secret.
//!
//! All or nothing: what is wrong with one of them leaves every old one in place. Requests under way go on with what they began with.

use crate::broker::{Broker, Signers};
use crate::config::Config;
use crate::credentials::CredentialIssuer;
use crate::store::{ProbingError, StoreClient, StoreError, established};
use tidegate_sigv4::EndpointError;

/// Why the new secrets were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Something that is fixed for as long as the process runs.
    #[error("{0} has changed: that needs a restart")]
    NeedsRestart(&'static str),
    /// Links, slots and nonces hang on it.
    #[error("the server id key has changed: it never may, since every link to an account hangs on it")]
    ServerIdKey,
    /// Tokens name their key by its kid alone.
    #[error("the signing key {0} is another one under the same name")]
    KidReused(String),
    /// The store refuses the new credentials.
    #[error("the store refuses the new credentials, or does not answer")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the new credentials can do is more, or less, than they may.
    #[error("the store is not fit with the new credentials: {}", .0.join("; "))]
    Unfit(Vec<String>),
    /// URLs cannot be signed by them.
    #[error("the new credentials cannot sign URLs")]
    Endpoint(#[from] EndpointError),
}

impl From<StoreError> for ReloadError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<ProbingError> for ReloadError {
    fn from(error: ProbingError) -> Self {
        match error {
            ProbingError::Store(error) => error.into(),
            ProbingError::Probe(error) => Self::Store(Box::new(error)),
            ProbingError::Unfit(faults) => Self::Unfit(faults),
        }
    }
}

/// Takes over the secrets of this configuration. Its other settings are left alone until the next start.
pub(crate) async fn reload(broker: &Broker, running: &Config, new: &Config) -> Result<(), ReloadError> {
    refuse_fixed(broker, running, new)?;
    let client = StoreClient::new(&new.store);
    client.ping().await?;
    // As at a start: credentials of other rights may let through an attack that the last ones did not.
    established(new, &broker.clock).await?;
    let signers = Signers::new(&new.store)?;
    broker.tokens.replace_keys(new.signing_keys.clone());
    broker.store.become_like(&client);
    broker.signers.set(signers);
    broker.credentials.set(CredentialIssuer::new(new));
    broker.log_drain_secret.set(new.log_drain_secret.clone());
    Ok(())
}

fn refuse_fixed(broker: &Broker, running: &Config, new: &Config) -> Result<(), ReloadError> {
    if running.server_id_key.as_bytes() != new.server_id_key.as_bytes() {
        return Err(ReloadError::ServerIdKey);
    }
    if running.public_url != new.public_url {
        return Err(ReloadError::NeedsRestart("public_url"));
    }
    let address = |config: &Config| {
        let store = &config.store;
        (
            store.endpoint_internal.clone(),
            store.endpoint_public.clone(),
            store.region.clone(),
            store.bucket.clone(),
            store.addressing,
        )
    };
    if address(running) != address(new) {
        return Err(ReloadError::NeedsRestart("the store's address"));
    }
    match new.signing_keys.renamed(&broker.tokens.keys()) {
        Some(kid) => Err(ReloadError::KidReused(kid.to_owned())),
        None => Ok(()),
    }
}
