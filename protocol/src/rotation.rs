//! `POST /v1/account/rotate`: new keys take the place of an account's keys.

use serde::{Deserialize, Serialize};

use crate::session::AccountProof;
use crate::wire::Base64Url;

/// Body of `POST /v1/account/rotate`; the DPoP proof's `ath` is that of the renewal token. The reply is a
/// [`crate::session::SessionReply`]: a full session under the new keys, while every other session of the account ends. Repeated with the
/// same statement it gives such a session again, for a client that never got the reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateRequest {
    /// The device's renewal token.
    pub renewal_token: String,
    /// The exact bytes of the statement, as they are stored under `users/{user}/public-keys/` already
    /// ([`crate::keys_statement::KeysStatement`]).
    pub statement: Base64Url,
    /// Proof by the new account key for the purpose `replace-keys`: nobody is locked out by keys that nobody holds.
    pub account: AccountProof,
}
