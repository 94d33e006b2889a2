//! Logins that the operator has shut out: one object for each below `_tidegate/`.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, Sha256, StateKey};
use time::OffsetDateTime;

use crate::config::Config;
use crate::identity::link;
use crate::store::{StoreClient, StoreError};

const FORMAT: &str = "tidegate/identity-revoked/v1";

/// `_tidegate/revocations/identities/{hmac}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRevokedDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) revoked_at: OffsetDateTime,
}

impl IdentityRevokedDocument {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), revoked_at: now }
    }
}

/// Shuts out a person of an issuer: no session is opened or renewed for the login any more. Access tokens that are out end by
/// themselves. Gives the name under which the login stands in the bucket.
pub(crate) async fn revoke_login(
    config: &Config,
    issuer: &str,
    subject: &str,
    now: OffsetDateTime,
) -> Result<Sha256, StoreError> {
    let identity = link::oidc_identity(&config.server_id_key, issuer, subject);
    let key = ObjectKey::State(StateKey::IdentityRevoked { identity });
    StoreClient::new(&config.store).put_document(&key, &IdentityRevokedDocument::new(now)).await?;
    Ok(identity)
}
