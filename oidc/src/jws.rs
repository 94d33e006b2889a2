//! The text of an ID token: three segments (RFC 7515, compact serialization), not to be believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::fault::IdTokenFault;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Longest `kid`, in bytes.
const MAX_KID_BYTES: usize = 512;

/// What of a header is read. Places from which a key could be had (`jku`, `jwk`, `x5u`, `x5c`) are not: keys come from the issuer's set
/// alone. A member that stands there twice is refused.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Rules that a reader must know (RFC 7515, section 4.1.11); none are known here. Present and null is present.
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    /// An unencoded payload (RFC 7797) is another text than the one that would be read.
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// An ID token as it came.
pub struct UnverifiedIdToken<'a> {
    pub(crate) signed: &'a str,
    pub(crate) signature: &'a str,
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) payload: Value,
}

impl<'a> UnverifiedIdToken<'a> {
    /// Takes the text apart.
    ///
    /// # Errors
    /// [`IdTokenFault::Malformed`], [`IdTokenFault::Header`].
    pub fn parse(text: &'a str) -> Result<Self, IdTokenFault> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(IdTokenFault::Malformed);
        }
        let mut segments = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(IdTokenFault::Malformed);
        };
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| IdTokenFault::Malformed)?;
        let payload: Value = serde_json::from_slice(&decode(payload)?).map_err(|_| IdTokenFault::Malformed)?;
        if !payload.is_object() || header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(IdTokenFault::Malformed);
        }
        // Access tokens (RFC 9068, `at+jwt`), logout tokens and the like are signed by the same keys.
        let is_jwt = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        if header.crit || header.b64 || !is_jwt {
            return Err(IdTokenFault::Header);
        }
        let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
        decode(signature)?;
        Ok(Self { signed, signature, alg: header.alg, kid: header.kid, payload })
    }

    /// The `iss` that it claims: says whose keys to ask, and nothing more.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.payload.get("iss")?.as_str()
    }

    /// What the issuer signed: header and payload. Unlike the whole text there is one of it only: whoever has a signature by ECDSA can
    /// make a second one that holds.
    #[must_use]
    pub const fn signed_part(&self) -> &'a str {
        self.signed
    }
}

/// base64url without padding, in its one spelling.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, IdTokenFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| IdTokenFault::Malformed)
}
