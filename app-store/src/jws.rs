//! A JWS in compact form (RFC 7515, section 7.1), taken apart and not yet believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::JwsError;
use crate::header::Header;

/// Longest JWS that is read, in bytes. A notification with both nested JWS has about 20,000.
pub const MAX_JWS_BYTES: usize = 128 << 10;

/// A JWS that nobody has verified: of its payload nothing can be learned.
#[derive(Debug)]
pub struct UnverifiedJws<'a> {
    pub(crate) header: Header,
    /// What the signature is over: both segments and the dot between them.
    pub(crate) signed: &'a str,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a JWS apart.
    ///
    /// # Errors
    /// If it is too long, is not three segments of base64url without padding, or its header is ambiguous or not a header.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > MAX_JWS_BYTES {
            return Err(JwsError::TooLarge { most: MAX_JWS_BYTES });
        }
        let mut segments = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(JwsError::Malformed { reason: "it is not three segments" });
        };
        Ok(Self {
            header: Header::parse(&decode(header)?)?,
            signed: &text[..header.len() + 1 + payload.len()],
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

/// Strict: no padding, no other alphabet, no bits left over, so that one segment has one text.
fn decode(segment: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| JwsError::Malformed { reason: "a segment is not base64url without padding" })
}
