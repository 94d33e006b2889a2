//! `POST /v1/credentials`: temporary credentials that read what lies under a prefix, and nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::wire::timestamp;

/// Most prefixes of one request: with the longest bucket name and the longest prefixes the policy still has less than the 2,048
/// characters that STS takes.
pub const MAX_PREFIXES: usize = 4;

/// Body of `POST /v1/credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialsRequest {
    /// 1 to [`MAX_PREFIXES`] prefixes, each ending in `/`: `users/{user}/`, `users/{user}/family-members/{member}/`, or a folder
    /// that may be listed.
    pub prefixes: Vec<String>,
}

/// How URLs name the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BucketAddressing {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    VirtualHost,
}

/// Reply of `POST /v1/credentials`: where to read, and by which key. GET and HEAD under the prefixes work and, where `canList` says
/// so, LIST with one of them; nothing else does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CredentialsReply {
    /// The access key's id.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: String,
    /// Travels with every request (`x-amz-security-token`).
    pub session_token: String,
    /// The store's address.
    pub endpoint: String,
    /// The region that signatures name.
    pub region: String,
    /// The bucket's name.
    pub bucket: String,
    /// How URLs name the bucket.
    pub addressing: BucketAddressing,
    /// What the credentials reach.
    pub prefixes: Vec<String>,
    /// Whether they list their prefixes, too; elsewhere ask for URLs of lists. Some stores cannot keep a listing to its prefix.
    pub can_list: bool,
    /// When the store stops accepting them.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: OffsetDateTime,
    /// When to ask for fresh ones rather than to use them.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub renew_after: OffsetDateTime,
}

impl fmt::Debug for CredentialsReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsReply")
            .field("access_key_id", &self.access_key_id)
            .field("prefixes", &self.prefixes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
