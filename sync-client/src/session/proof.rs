//! DPoP proofs (RFC 9449) by the device's P-256 key, bound to method, URL, body, nonce and token.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rand_core::Rng as _;
use serde::Serialize;
use tidegate_protocol::Sha256;
use tidegate_protocol::session::DPOP_TYP;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// The device's P-256 key: tokens are bound to it, and the device id follows from it.
#[derive(Clone)]
pub(crate) struct DpopKey(SigningKey);

/// What a proof is for.
pub(crate) struct ProofRequest<'a> {
    pub(crate) method: &'a str,
    /// The broker's public URL and the path, without query.
    pub(crate) url: &'a str,
    pub(crate) body: &'a [u8],
    /// The server's nonce, where one is known.
    pub(crate) nonce: Option<&'a str>,
    /// The token that the call carries.
    pub(crate) token: Option<&'a str>,
    pub(crate) now: OffsetDateTime,
    /// Never used before.
    pub(crate) jti: &'a str,
}

/// A public key as in RFC 7517; the order of the fields is that of the thumbprint's canonical form (RFC 7638, section 3.2).
#[derive(Serialize)]
struct Jwk {
    crv: &'static str,
    kty: &'static str,
    x: String,
    y: String,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    jwk: Jwk,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    bh: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}

impl DpopKey {
    /// Draws a fresh key.
    pub(crate) fn generate() -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        loop {
            crate::random::system().fill_bytes(secret.as_mut_slice());
            // All but one in 2^32 draws are a key.
            if let Some(key) = Self::from_secret(&secret) {
                return key;
            }
        }
    }

    /// Takes up a key kept on the device; `None` if these bytes are none.
    pub(crate) fn from_secret(secret: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(secret).ok().map(Self)
    }

    /// The secret bytes, to keep on the device.
    pub(crate) fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// SHA-256 of the public key in the canonical form of RFC 7638.
    pub(crate) fn thumbprint(&self) -> Sha256 {
        Sha256::of(&json(&self.jwk()))
    }

    /// The proof as a compact JWS (RFC 7515).
    pub(crate) fn prove(&self, request: &ProofRequest<'_>) -> String {
        let header = Header { typ: DPOP_TYP, alg: "ES256", jwk: self.jwk() };
        let claims = Claims {
            jti: request.jti,
            htm: request.method,
            htu: request.url,
            iat: request.now.unix_timestamp(),
            bh: hash(request.body),
            nonce: request.nonce,
            ath: request.token.map(|token| hash(token.as_bytes())),
        };
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(json(&header)), URL_SAFE_NO_PAD.encode(json(&claims)));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn jwk(&self) -> Jwk {
        let point = self.0.verifying_key().to_sec1_point(false);
        // Uncompressed: 0x04 || x || y.
        let (x, y) = point.as_bytes()[1..].split_at(32);
        Jwk { crv: "P-256", kty: "EC", x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) }
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopKey(***)")
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers always serialise")
}

fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::of(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier as _;
    use serde_json::Value;

    use super::*;

    fn key() -> DpopKey {
        DpopKey::from_secret(&[7; 32]).unwrap()
    }

    fn part(proof: &str, index: usize) -> Value {
        let part = proof.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_proof_binds_method_url_body_nonce_and_token() {
        let request = ProofRequest {
            method: "POST",
            url: "https://broker.example/v1/presign",
            body: b"{}",
            nonce: Some("n1"),
            token: Some("token"),
            now: OffsetDateTime::from_unix_timestamp(1_763_717_400).unwrap(),
            jti: "j1",
        };
        let proof = key().prove(&request);
        let (header, claims) = (part(&proof, 0), part(&proof, 1));
        assert_eq!(header["typ"], "dpop+jwt");
        assert_eq!(header["alg"], "ES256");
        assert_eq!(claims["htm"], "POST");
        assert_eq!(claims["htu"], "https://broker.example/v1/presign");
        assert_eq!(claims["nonce"], "n1");
        assert_eq!(claims["iat"], 1_763_717_400);
        assert_eq!(claims["ath"], hash(b"token"));
        // SHA-256 of "{}", base64url.
        assert_eq!(claims["bh"], "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o");
    }

    #[test]
    fn a_proof_verifies_with_the_key_in_its_header() {
        let request = ProofRequest {
            method: "GET",
            url: "https://broker.example/v1/capabilities",
            body: b"",
            nonce: None,
            token: None,
            now: OffsetDateTime::UNIX_EPOCH,
            jti: "j",
        };
        let proof = key().prove(&request);
        let (signed, signature) = proof.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key().0.verifying_key().verify(signed.as_bytes(), &signature).unwrap();
        assert!(part(&proof, 1).get("nonce").is_none());
    }

    #[test]
    fn the_thumbprint_is_over_the_canonical_form() {
        let jwk = serde_json::to_string(&key().jwk()).unwrap();
        assert!(jwk.starts_with(r#"{"crv":"P-256","kty":"EC","x":""#), "{jwk}");
        assert_eq!(key().thumbprint(), Sha256::of(jwk.as_bytes()));
    }

    #[test]
    fn debug_masks_the_key() {
        assert_eq!(format!("{:?}", key()), "DpopKey(***)");
    }
}
