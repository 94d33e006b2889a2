//! Proof that who redeems a login's code is who began the login (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The secret of one login: 64 random bytes in base64url, without padding.
pub(super) fn verifier() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0_u8; 64]);
    getrandom::fill(&mut bytes[..]).expect("the operating system has random bytes");
    Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]))
}

/// What is told of it beforehand: `S256`.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        assert_eq!(
            super::challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_verifier_is_as_long_as_the_rfc_allows_and_never_the_same() {
        let verifier = super::verifier();
        assert!((43..=128).contains(&verifier.len()));
        assert_ne!(verifier, super::verifier());
    }
}
