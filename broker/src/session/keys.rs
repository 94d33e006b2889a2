//! The keys that sign tokens: ES256, each named by its `kid`, published as a JWK set.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const MAX_KID_BYTES: usize = 64;

/// The broker's signing keys: all verify, one signs.
#[derive(Clone)]
pub struct SigningKeys {
    active: String,
    encoding: EncodingKey,
    verifying: BTreeMap<String, VerifyingKey>,
}

#[derive(Clone)]
struct VerifyingKey {
    decoding: DecodingKey,
    x: String,
    y: String,
}

/// Why a signing key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKey {
    /// Not a P-256 private key as PKCS#8 PEM.
    #[error("the signing key {0} is not a P-256 private key in PKCS#8 PEM form")]
    Pem(String),
    /// The name is not usable as `kid`.
    #[error("the signing key's name {0:?} is not 1 to {MAX_KID_BYTES} letters, digits, '-', '_' or '.'")]
    Kid(String),
    /// The key that should sign is not among them.
    #[error("there is no signing key named {0:?}")]
    NoActive(String),
    /// There is no key at all.
    #[error("there is no signing key")]
    None,
}

/// A freshly made signing key.
pub struct NewSigningKey {
    /// Its name: the day and eight random hex digits.
    pub kid: String,
    /// PKCS#8 PEM. A secret.
    pub pem: Zeroizing<String>,
}

impl NewSigningKey {
    /// Draws a key.
    ///
    /// # Panics
    /// If the system has no randomness.
    #[must_use]
    pub fn generate(now: OffsetDateTime) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("key generation fails only without randomness");
        let secret = SecretKey::from_pkcs8_der(document.as_ref()).expect("a fresh key is well formed");
        let pem = secret.to_pkcs8_pem(LineEnding::LF).expect("a key always encodes");
        let mut suffix = [0; 4];
        rand::fill(&mut suffix).expect("the system has randomness");
        Self { kid: format!("{}-{}", now.date(), hex::encode(suffix)), pem }
    }
}

impl SigningKeys {
    /// Reads keys given as (kid, PKCS#8 PEM). `active` names the one that signs; by default it is the last by name, which for
    /// generated names is the newest.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_pems<'a>(
        pems: impl IntoIterator<Item = (&'a str, &'a str)>,
        active: Option<&str>,
    ) -> Result<Self, InvalidSigningKey> {
        let mut verifying = BTreeMap::new();
        let mut encoding = BTreeMap::new();
        for (kid, pem) in pems {
            let (key, signer) = read_key(kid, pem)?;
            verifying.insert(kid.to_owned(), key);
            encoding.insert(kid.to_owned(), signer);
        }
        let newest = verifying.keys().next_back().ok_or(InvalidSigningKey::None)?;
        let active = active.unwrap_or(newest).to_owned();
        let encoding = encoding.remove(&active).ok_or_else(|| InvalidSigningKey::NoActive(active.clone()))?;
        Ok(Self { active, encoding, verifying })
    }

    /// The `kid` of the key that signs.
    #[must_use]
    pub fn active(&self) -> &str {
        &self.active
    }

    pub(crate) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    pub(crate) fn decoding(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifying.get(kid).map(|key| &key.decoding)
    }

    /// The public keys (RFC 7517, section 5).
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        let jwk = |(kid, key): (&String, &VerifyingKey)| Jwk {
            kty: "EC",
            crv: "P-256",
            usage: "sig",
            alg: "ES256",
            kid: kid.clone(),
            x: key.x.clone(),
            y: key.y.clone(),
        };
        JwkSet { keys: self.verifying.iter().map(jwk).collect() }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.verifying.keys().collect();
        f.debug_struct("SigningKeys").field("active", &self.active).field("kids", &kids).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A set of public keys (RFC 7517).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// A public P-256 key (RFC 7518, section 6.2).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Jwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
    y: String,
}

fn read_key(kid: &str, pem: &str) -> Result<(VerifyingKey, EncodingKey), InvalidSigningKey> {
    let is_kid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if kid.is_empty() || kid.len() > MAX_KID_BYTES || !kid.bytes().all(is_kid) {
        return Err(InvalidSigningKey::Kid(kid.chars().take(MAX_KID_BYTES).collect()));
    }
    let invalid = || InvalidSigningKey::Pem(kid.to_owned());
    let secret = SecretKey::from_pkcs8_pem(pem.trim()).map_err(|_| invalid())?;
    let der = secret.to_pkcs8_der().map_err(|_| invalid())?;
    let point = secret.public_key().to_sec1_bytes_uncompressed();
    let (x, y) = point[1..].split_at(32);
    let key =
        VerifyingKey { decoding: DecodingKey::from_ec_der(&point), x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
    Ok((key, EncodingKey::from_ec_der(der.as_bytes())))
}

/// The uncompressed SEC 1 form of a public key: 0x04, x, y.
trait Uncompressed {
    fn to_sec1_bytes_uncompressed(&self) -> Vec<u8>;
}

impl Uncompressed for p256::PublicKey {
    fn to_sec1_bytes_uncompressed(&self) -> Vec<u8> {
        use p256::elliptic_curve::sec1::ToSec1Point as _;
        self.to_sec1_point(false).as_bytes().to_vec()
    }
}
