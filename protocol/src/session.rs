//! `POST /v1/self-host/session`, `/v1/account/link` and `/v1/session/renew`: from an outside identity to tokens
//! (`POST /v1/subscription/session`: [`crate::subscription`]).
//!
//! Every one of these calls carries a DPoP proof (RFC 9449) with the server's nonce and, as `bh`, the base64url SHA-256 of its
//! body. Calls with an access token add `Authorization: DPoP {token}` and the proof's `ath`; a renewal's `ath` is that of the
//! renewal token in its body.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::account::ProofPurpose;
use crate::capability::Capabilities;
use crate::key::{DeviceId, UserId};
use crate::scope::AccountScope;
use crate::subscription::ServiceMode;
use crate::wire::{Base64Url, timestamp};

/// Name of the response header that carries the nonce for the next DPoP proof (RFC 9449, section 8).
pub const DPOP_NONCE_HEADER: &str = "dpop-nonce";
/// Name of the request header that carries the DPoP proof.
pub const DPOP_HEADER: &str = "dpop";
/// Media type that a DPoP proof states in `typ`.
pub const DPOP_TYP: &str = "dpop+jwt";
/// Scheme of the `Authorization` header.
pub const DPOP_SCHEME: &str = "DPoP";

/// Body of `POST /v1/self-host/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelfHostSessionRequest {
    /// The invite token, as printed by `tidegate-broker invite create`.
    pub invite: String,
    /// Proof of the account's key. Without it a linked identity gets scope `bootstrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountProof>,
}

/// Shows that the caller holds an account's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountProof {
    /// The exact bytes of `genesis.json`; the user id is their hash.
    pub genesis: Base64Url,
    /// What the proof is for.
    pub purpose: ProofPurpose,
    /// Ed25519 signature over [`crate::account::account_proof_message`] with the nonce of this request's DPoP proof.
    pub signature: Base64Url,
}

/// Body of `POST /v1/account/link`: the objects are in place, tie the identity to the account. Sent with a `create` token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkRequest {}

/// Body of `POST /v1/session/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenewRequest {
    /// The device's renewal token.
    pub renewal_token: String,
}

/// Reply to each of the calls above, and to `POST /v1/subscription/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionReply {
    /// The account.
    pub user_id: UserId,
    /// The device, derived from account and DPoP key.
    pub device_id: DeviceId,
    /// How far the access token goes.
    pub scope: AccountScope,
    /// The access token.
    pub access_token: String,
    /// When the access token ends.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub access_expires_at: OffsetDateTime,
    /// The renewal token; only with scope `full`. Absent from a renewal's reply where the one in use stays valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_token: Option<String>,
    /// When the renewal token ends.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub renewal_expires_at: Option<OffsetDateTime>,
    /// The same as `accessExpiresAt`, under PumpSync's name for it.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<OffsetDateTime>,
    /// Whether what opened the session still counts; a session that was opened says true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement_active: Option<bool>,
    /// Who runs the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_mode: Option<ServiceMode>,
    /// What this broker and its store can do.
    pub capabilities: Capabilities,
}
