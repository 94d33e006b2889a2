//! DPoP proofs (RFC 9449, section 4): a request's own signature by the device's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde::Deserialize;
use tidegate_protocol::Sha256;
use tidegate_protocol::session::DPOP_TYP;

use super::jwk::{DeviceJwk, DeviceKey};

const MAX_PROOF_BYTES: usize = 4 * 1024;
const MAX_JTI_BYTES: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofHeader {
    typ: String,
    alg: String,
    jwk: DeviceJwk,
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: Option<String>,
    htm: Option<String>,
    htu: Option<String>,
    /// Has to be there and a number, but is not compared with any clock: phones are hours off, and the nonce tells the time.
    iat: Option<f64>,
    nonce: Option<String>,
    bh: Option<String>,
    ath: Option<String>,
}

/// A proof as it came: its key and claims are not to be believed yet.
pub(super) struct UnverifiedProof<'a> {
    signed: &'a str,
    signature: [u8; 64],
    key: DeviceKey,
    claims: ProofClaims,
}

/// What the request is, that the proof has to be of.
pub(super) struct Expected<'a> {
    pub(super) method: &'a Method,
    /// The configured public URL and the request's path.
    pub(super) url: &'a str,
    pub(super) body: &'a Sha256,
    /// SHA-256 of the access token, for requests that carry one.
    pub(super) token: Option<&'a Sha256>,
}

/// A proof that holds for its request.
#[derive(Debug)]
pub(super) struct VerifiedProof {
    pub(super) thumbprint: Sha256,
    pub(super) jti: String,
    pub(super) nonce: String,
    pub(super) token_hash: Option<String>,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProofFault {
    #[error("the DPoP proof is not a JWT of its form")]
    Malformed,
    #[error("the DPoP proof's header is not typ dpop+jwt, alg ES256 and a public P-256 jwk, alone")]
    Header,
    #[error("the DPoP proof lacks {0}")]
    Missing(&'static str),
    #[error("the DPoP proof's signature does not hold")]
    Signature,
    #[error("the DPoP proof is for another method")]
    Method,
    #[error("the DPoP proof is for another URL than {{public_url}}{{path}}")]
    Url,
    #[error("the DPoP proof is for another body")]
    Body,
    #[error("the DPoP proof is for another token")]
    Token,
}

impl<'a> UnverifiedProof<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ProofFault> {
        if text.len() > MAX_PROOF_BYTES {
            return Err(ProofFault::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(ProofFault::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(ProofFault::Malformed)?;
        let header: ProofHeader = serde_json::from_slice(&decode(header)?).map_err(|_| ProofFault::Header)?;
        if header.typ != DPOP_TYP || header.alg != "ES256" {
            return Err(ProofFault::Header);
        }
        let key = DeviceKey::read(&header.jwk).ok_or(ProofFault::Header)?;
        let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| ProofFault::Malformed)?;
        let signature = decode(signature)?.try_into().map_err(|_| ProofFault::Signature)?;
        Ok(Self { signed, signature, key, claims })
    }

    /// What it claims as nonce: looked at first, since an HMAC costs less than a signature.
    pub(super) fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    pub(super) fn verify(self, expected: &Expected<'_>) -> Result<VerifiedProof, ProofFault> {
        if !self.key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(ProofFault::Signature);
        }
        let claims = self.claims;
        let jti = claims.jti.filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES).ok_or(ProofFault::Missing("jti"))?;
        claims.iat.ok_or(ProofFault::Missing("iat"))?;
        let nonce = claims.nonce.ok_or(ProofFault::Missing("nonce"))?;
        if claims.htm.ok_or(ProofFault::Missing("htm"))? != expected.method.as_str() {
            return Err(ProofFault::Method);
        }
        if claims.htu.ok_or(ProofFault::Missing("htu"))? != expected.url {
            return Err(ProofFault::Url);
        }
        if claims.bh.ok_or(ProofFault::Missing("bh"))? != base64url(expected.body) {
            return Err(ProofFault::Body);
        }
        if let Some(token) = expected.token {
            let token_hash = claims.ath.as_deref().ok_or(ProofFault::Missing("ath"))?;
            if token_hash != base64url(token) {
                return Err(ProofFault::Token);
            }
        }
        Ok(VerifiedProof { thumbprint: self.key.thumbprint(), jti, nonce, token_hash: claims.ath })
    }
}

/// A hash as proofs and tokens write it.
pub(super) fn base64url(hash: &Sha256) -> String {
    URL_SAFE_NO_PAD.encode(hash.as_bytes())
}

fn decode(text: &str) -> Result<Vec<u8>, ProofFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| ProofFault::Malformed)
}
