//! `POST /v1/account/reset`: an identity whose account's recovery code is lost comes to lead to another account.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::key::UserId;
use crate::session::{AccountProof, SessionReply};
use crate::wire::timestamp;

/// Body of `POST /v1/account/reset`, sent with a session of scope `bootstrap`: by an identity that leads to the old account, from a
/// device without that account's key. Sent again it tells how the reset stands, and completes it once its time has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetRequest {
    /// Proof of the new account's key for the purpose `reset-account`.
    pub account: AccountProof,
}

/// How a reset stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ResetState {
    /// The identity still leads to the old account.
    Pending,
    /// The identity leads to the new account.
    Moved,
}

/// Reply to `POST /v1/account/reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResetReply {
    /// How it stands.
    pub state: ResetState,
    /// The account that the identity led to.
    pub from: UserId,
    /// The account that it is to lead to.
    pub to: UserId,
    /// Not before this time it moves; until then any proof by the old account cancels it.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub moves_at: OffsetDateTime,
    /// Until then a proof by the old account moves it back.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub returnable_until: OffsetDateTime,
    /// A session of the new account: of scope `create`, for its first objects, while the reset is pending; else full.
    pub session: SessionReply,
}
