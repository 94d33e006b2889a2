//! Signing and verifying the broker's own JWTs (RFC 7519): one algorithm, one header shape, one type for each use.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::keys::SigningKeys;
use crate::current::Current;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What a token is for. The name stands in `typ`, so that a renewal token never passes as an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenType {
    Access,
    Renewal,
    Invite,
    /// For the second call of an account's deletion.
    Deletion,
    /// For `GET /v1/status` alone, without a device key.
    Status,
}

impl TokenType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Renewal => "renewal+jwt",
            Self::Invite => "tidegate-invite+jwt",
            Self::Deletion => "tidegate-deletion+jwt",
            Self::Status => "tidegate-status+jwt",
        }
    }
}

/// Why a token is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("it is not a signed JWT")]
    Malformed,
    #[error("its header has members other than alg, typ and kid")]
    Header,
    #[error("its algorithm is not ES256")]
    Algorithm,
    #[error("it is a token for another use")]
    Type,
    #[error("this broker has no key of its key id")]
    KeyId,
    #[error("its signature, issuer, audience or claims do not hold")]
    Claims,
}

/// Exactly what our tokens' headers hold. Unknown members are refused, `crit` (RFC 7515, section 4.1.11) among them: jsonwebtoken
/// reads it without enforcing it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Makes and checks tokens whose issuer and audience is this broker.
pub(crate) struct Tokens {
    keys: Current<SigningKeys>,
    issuer: String,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(keys: SigningKeys, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // Time is checked by the broker's own clock, and differently for each type.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys: Current::new(keys), issuer, validation }
    }

    pub(crate) fn keys(&self) -> Arc<SigningKeys> {
        self.keys.get()
    }

    /// From now on tokens are made and checked by these.
    pub(crate) fn replace_keys(&self, keys: SigningKeys) {
        self.keys.set(keys);
    }

    /// The `iss` and `aud` of every token.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn sign<C: Serialize>(
        &self,
        kind: TokenType,
        claims: &C,
        now: OffsetDateTime,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let keys = self.keys.get();
        let (kid, key) = keys.encoding(now);
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(kind.as_str().to_owned());
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, key)
    }

    /// The claims, if the token is of this type and ours. Its `exp` is left to the caller.
    pub(crate) fn verify<C: DeserializeOwned>(&self, kind: TokenType, token: &str, now: OffsetDateTime) -> Result<C, TokenFault> {
        self.verify_by(kind, token, now).map(|(claims, _)| claims)
    }

    /// The same with the kid of the key by which it holds.
    pub(crate) fn verify_by<C: DeserializeOwned>(
        &self,
        kind: TokenType,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<(C, String), TokenFault> {
        let header = read_header(token)?;
        if header.alg != "ES256" {
            return Err(TokenFault::Algorithm);
        }
        if header.typ != kind.as_str() {
            return Err(TokenFault::Type);
        }
        let keys = self.keys.get();
        let key = keys.decoding(&header.kid, now).ok_or(TokenFault::KeyId)?;
        let token = jsonwebtoken::decode::<C>(token, key, &self.validation).map_err(|_| TokenFault::Claims)?;
        Ok((token.claims, header.kid))
    }
}

fn read_header(token: &str) -> Result<TokenHeader, TokenFault> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenFault::Malformed);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenFault::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenFault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenFault::Header)
}
