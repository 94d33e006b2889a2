//! A device's public key as it stands in its proofs: a P-256 JWK and nothing else.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tidegate_protocol::Sha256;

/// The four members of a public EC key (RFC 7518, section 6.2.1); any other, `d` above all, is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceJwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

/// A P-256 public key, not yet known to be on the curve: verification finds that out.
pub(super) struct DeviceKey {
    point: [u8; 65],
    thumbprint: Sha256,
}

impl DeviceKey {
    /// `None` unless it is an EC key on P-256 with coordinates of 32 bytes each.
    pub(super) fn read(jwk: &DeviceJwk) -> Option<Self> {
        if jwk.kty != "EC" || jwk.crv != "P-256" {
            return None;
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(&coordinate(&jwk.x)?);
        point[33..].copy_from_slice(&coordinate(&jwk.y)?);
        // RFC 7638, section 3.2: the required members in lexicographic order. base64url needs no escaping, and the decoder takes
        // one spelling only, so one key has one thumbprint.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, jwk.x, jwk.y);
        Some(Self { point, thumbprint: Sha256::of(canonical.as_bytes()) })
    }

    /// RFC 7638 thumbprint.
    pub(super) fn thumbprint(&self) -> Sha256 {
        self.thumbprint
    }

    /// Whether `signature` (64 bytes, RFC 7518, section 3.4) over `message` is by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.point).verify(message, signature).is_ok()
    }
}

fn coordinate(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<DeviceKey> {
        DeviceKey::read(&serde_json::from_str(json).ok()?)
    }

    #[test]
    fn thumbprint_is_that_of_rfc_7638() {
        // The EC key of RFC 9449, section 4.2, with the thumbprint that its section 6.1 states for it.
        let key = read(
            r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#,
        )
        .unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint().as_bytes()), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn keys_of_other_shapes_are_refused() {
        let (x, y) = ("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA");
        for json in [
            format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{y}"}}"#),
            format!(r#"{{"kty":"OKP","crv":"P-256","x":"{x}","y":"{y}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","d":"{x}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}=","y":"{y}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"AA","y":"{y}"}}"#),
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","x":"{x}","y":"{y}"}}"#),
        ] {
            assert!(read(&json).is_none(), "{json}");
        }
    }
}
