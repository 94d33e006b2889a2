//! Keys that sign ID tokens.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair with its name.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// An RSA key of 2,048 bits.
    ///
    /// # Panics
    /// If the system has no randomness.
    #[must_use]
    pub fn rs256(kid: &str) -> Self {
        Self::of(kid, Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key is drawn")))
    }

    /// A key on P-256.
    ///
    /// # Panics
    /// If the system has no randomness.
    #[must_use]
    pub fn es256(kid: &str) -> Self {
        Self::of(kid, Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key is drawn")))
    }

    /// An Ed25519 key.
    ///
    /// # Panics
    /// If the system has no randomness.
    #[must_use]
    pub fn eddsa(kid: &str) -> Self {
        Self::of(kid, Pair::Ed25519(Ed25519KeyPair::generate().expect("a key is drawn")))
    }

    fn of(kid: &str, pair: Pair) -> Self {
        Self { kid: kid.to_owned(), pair: Arc::new(pair) }
    }

    /// The algorithm as headers name it.
    #[must_use]
    pub fn alg(&self) -> &'static str {
        match *self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let (kid, alg) = (&self.kid, self.alg());
        match &*self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) =
                    (public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": base64url(n), "e": base64url(e) })
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
                json!({ "kty": "EC", "use": "sig", "alg": alg, "kid": kid, "crv": "P-256", "x": x, "y": y })
            }
            Pair::Ed25519(pair) => {
                let x = base64url(pair.public_key().as_ref());
                json!({ "kty": "OKP", "use": "sig", "alg": alg, "kid": kid, "crv": "Ed25519", "x": x })
            }
        }
    }

    /// A token with an ordinary header.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.alg(), "typ": "JWT", "kid": self.kid }), claims)
    }

    /// A token with this header, whatever it says, signed by this key.
    #[must_use]
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        jwt(header, claims, |message| self.sign(message))
    }

    /// The key's signature.
    ///
    /// # Panics
    /// If the key does not sign.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("an RSA key signs");
                signature
            }
            Pair::P256(pair) => pair.sign(&random, message).expect("a P-256 key signs").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// HMAC-SHA256 under the public key's own bytes: what a verifier checks that lets the token choose the algorithm.
    ///
    /// # Panics
    /// If the public key has no DER form.
    #[must_use]
    pub fn mac_by_public_key(&self, message: &[u8]) -> Vec<u8> {
        let bytes = match &*self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().expect("it has this form").as_ref().to_vec(),
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        };
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), message).as_ref().to_vec()
    }
}

/// A JWT with this header and these claims, signed by whatever signs.
///
/// # Panics
/// Never: JSON serialises.
#[must_use]
pub fn jwt(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", base64url(&signature))
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
