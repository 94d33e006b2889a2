//! Access tokens: 15 minutes of signing for one device key.

use std::sync::Arc;

use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use tidegate_protocol::Sha256;
use tidegate_protocol::scope::{ScopeClaim, Scopes};
use tidegate_protocol::{DeviceId, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::token::{TokenFault, TokenType, Tokens};
use crate::identity::oidc::OidcClaim;
use crate::identity::{InviteClaim, SubscriptionClaim};

/// Verified tokens that are remembered.
const CACHED_TOKENS: u64 = 100_000;

/// The key to which a token is bound (RFC 7800; RFC 9449, section 6.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Confirmation {
    jkt: String,
}

impl Confirmation {
    pub(crate) fn of(thumbprint: &Sha256) -> Self {
        Self { jkt: super::proof::base64url(thumbprint) }
    }

    pub(crate) fn is_of(&self, thumbprint: &Sha256) -> bool {
        self.jkt == super::proof::base64url(thumbprint)
    }
}

/// The outside identity behind a session: what every mint looks at again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IdentityClaims {
    /// HMAC of the identity: names its link.
    pub(crate) lnk: Sha256,
    /// By what it came.
    #[serde(flatten)]
    pub(crate) way: WayIn,
}

/// By what an outside identity came: one claim of the token for each kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum WayIn {
    #[serde(rename = "inv")]
    Invite(InviteClaim),
    #[serde(rename = "aps")]
    Subscription(SubscriptionClaim),
    #[serde(rename = "oid")]
    Oidc(OidcClaim),
}

impl IdentityClaims {
    pub(crate) const fn subscription(&self) -> Option<&SubscriptionClaim> {
        match &self.way {
            WayIn::Invite(_) | WayIn::Oidc(_) => None,
            WayIn::Subscription(claim) => Some(claim),
        }
    }
}

/// Claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    pub(crate) did: DeviceId,
    pub(crate) scope: String,
    pub(crate) cnf: Confirmation,
    pub(crate) jti: Uuid,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// Of the account's keys under which the session was opened.
    #[serde(default, skip_serializing_if = "is_first")]
    pub(crate) generation: u32,
    /// With scope `create`, for `POST /v1/account/link`; with `bootstrap`, for `POST /v1/account/reset`; and wherever a subscription opens the session, for `GET /v1/status`.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<IdentityClaims>,
}

/// An access token whose signature, type, issuer and audience hold. Its time, key and device are checked at each use.
#[derive(Debug)]
pub(crate) struct VerifiedAccess {
    pub(crate) scopes: Scopes,
    pub(crate) confirmation: Confirmation,
    /// The key by which it holds.
    kid: String,
    /// Its `iat`.
    pub(crate) issued_at: i64,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) generation: u32,
    pub(crate) identity: Option<IdentityClaims>,
}

/// Whether the keys are those of the genesis: tokens do not state that.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) const fn is_first(generation: &u32) -> bool {
    *generation == 0
}

/// Verifies access tokens, each once: a call then costs one ES256 verification, that of its proof.
pub(crate) struct AccessTokens {
    verified: Cache<[u8; 32], Arc<VerifiedAccess>>,
}

impl AccessTokens {
    pub(crate) fn new() -> Self {
        Self { verified: Cache::new(CACHED_TOKENS) }
    }

    /// Whether a token of this hash was verified here and has not ended.
    pub(crate) fn is_known(&self, hash: &Sha256, now: OffsetDateTime) -> bool {
        self.verified.get(hash.as_bytes()).is_some_and(|access| now < access.expires_at)
    }

    /// The token's content, and whether it was known; `hash` is the SHA-256 of its text. One that is known counts for as long as its
    /// key does.
    pub(crate) fn verify(
        &self,
        tokens: &Tokens,
        token: &str,
        hash: &Sha256,
        now: OffsetDateTime,
    ) -> Result<(Arc<VerifiedAccess>, bool), TokenFault> {
        if let Some(verified) = self.verified.get(hash.as_bytes()) {
            return if tokens.keys().verifies(&verified.kid, now) { Ok((verified, true)) } else { Err(TokenFault::KeyId) };
        }
        let (claims, kid) = tokens.verify_by::<AccessClaims>(TokenType::Access, token, now)?;
        let verified = Arc::new(VerifiedAccess::read(claims, kid)?);
        self.verified.insert(*hash.as_bytes(), Arc::clone(&verified));
        Ok((verified, false))
    }
}

impl VerifiedAccess {
    fn read(claims: AccessClaims, kid: String) -> Result<Self, TokenFault> {
        let ScopeClaim { account, shares } = claims.scope.parse().map_err(|_| TokenFault::Claims)?;
        let expires_at = OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| TokenFault::Claims)?;
        let scopes = Scopes { user: claims.sub, device: claims.did, account, shares };
        let AccessClaims { cnf: confirmation, iat: issued_at, generation, identity, .. } = claims;
        Ok(Self { scopes, confirmation, kid, issued_at, expires_at, generation, identity })
    }
}
