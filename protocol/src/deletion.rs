//! `DELETE /v1/account`: an account goes, with everything in it, in two steps.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::session::AccountProof;
use crate::wire::timestamp;

/// Body of `DELETE /v1/account`. The first call goes without a confirmation and changes nothing; the second brings the one that the
/// first was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteAccountRequest {
    /// Proof of the account's key for the purpose `delete-account`.
    pub account: AccountProof,
    /// The confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
}

/// Reply to each of the two calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DeleteAccountReply {
    /// Nothing has happened yet: the same call with this confirmation deletes the account.
    ConfirmationNeeded(DeletionConfirmation),
    /// The account is being deleted. There is no way back.
    Deleting(DeletionProgress),
}

/// What the first call gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeletionConfirmation {
    /// For the second call, by the same device.
    pub confirmation: String,
    /// Until when it counts.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub confirm_by: OffsetDateTime,
}

/// What is gone, and what remains until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeletionProgress {
    /// Objects that are gone already.
    pub objects_deleted: u64,
    /// Whether every object that was there is gone; where not, the broker goes on by itself.
    pub swept: bool,
    /// From then on no access token of the account counts.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub sessions_end_by: OffsetDateTime,
    /// From then on no URL that was signed for the account works: until then one could still store an object.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub urls_end_by: OffsetDateTime,
    /// Then everything is deleted once more, with the note that there was such an account.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub swept_again_at: OffsetDateTime,
}
