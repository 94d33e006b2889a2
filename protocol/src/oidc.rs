//! `POST /v1/oidc/session`: a login with an OpenID provider as the way into an account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::account::lp;
use crate::key::Sha256;
use crate::session::AccountProof;
use crate::wire::Base64Url;

/// Fewest bytes of a nonce's salt.
pub const MIN_SALT_BYTES: usize = 16;
/// Most bytes of a nonce's salt.
pub const MAX_SALT_BYTES: usize = 64;

/// Body of `POST /v1/oidc/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcSessionRequest {
    /// The ID token, as the provider issued it.
    pub id_token: String,
    /// The salt of the nonce with which the login was begun ([`nonce`]), 16 to 64 bytes. Absent with a token that has no nonce, for
    /// issuers of which the broker accepts that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_salt: Option<Base64Url>,
    /// Proof of the account's key. Without it a linked identity gets scope `bootstrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountProof>,
}

/// An issuer whose logins a broker takes: all that a client must know to begin one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OidcIssuer {
    /// The operator's name for it.
    pub name: String,
    /// The issuer's address, letter by letter; its description lies below (OpenID Connect Discovery 1.0).
    pub issuer: String,
    /// The public client that logs people in. Absent where the app has a login of its own and brings the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Scopes to ask for, `openid` among them.
    pub scopes: Vec<String>,
    /// Whether an ID token must carry the nonce of its device. Not every provider puts it into the tokens of logins by device code.
    #[serde(default)]
    pub nonce_required: bool,
}

/// The nonce with which a login for this device is begun: base64url of SHA-256 over `"tidegate/oidc-nonce/v1"` || lp(public URL of the
/// broker) || thumbprint of the device's DPoP key (RFC 7638) || salt. So the ID token opens a session for this key at this broker and for
/// no other one; the salt, new for every login, keeps tokens of two logins apart.
#[must_use]
pub fn nonce(public_url: &str, thumbprint: &Sha256, salt: &[u8]) -> String {
    let mut message = b"tidegate/oidc-nonce/v1".to_vec();
    message.extend(lp(public_url.as_bytes()));
    message.extend_from_slice(thumbprint.as_bytes());
    message.extend_from_slice(salt);
    URL_SAFE_NO_PAD.encode(Sha256::of(&message).as_bytes())
}
