//! The keys that sign tokens: ES256, each named by its `kid`, published as a JWK set.
//!
//! Which of them signs, and which verify, is a question of time alone ([`SigningKeys::active`], [`SigningKeys::verifies`]): a new key is
//! loaded and published by every replica before its time to sign comes, and the ones before it go on verifying until their last token
//! has ended. So replicas that read the same files agree without speaking to each other.

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

use super::key_times::KeyTimes;

const MAX_KID_BYTES: usize = 64;

/// The broker's signing keys: one signs, those whose tokens may still live verify.
#[derive(Clone)]
pub struct SigningKeys {
    /// In the order in which they sign.
    keys: Vec<Key>,
    /// The one that signs, whatever the times say.
    pinned: Option<String>,
}

#[derive(Clone)]
struct Key {
    kid: String,
    times: KeyTimes,
    encoding: EncodingKey,
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
    /// What stands above the key is not a time.
    #[error("the signing key {0} states a time that is none")]
    Times(String),
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
    /// Reads keys given as (kid, PKCS#8 PEM), above which its times may stand. `active` names the one that signs; by default it is
    /// the last whose time has come, and of keys without times the last by name, which for generated names is the newest.
    ///
    /// # Errors
    /// [`InvalidSigningKey`].
    pub fn from_pems<'a>(
        pems: impl IntoIterator<Item = (&'a str, &'a str)>,
        active: Option<&str>,
    ) -> Result<Self, InvalidSigningKey> {
        let mut keys = pems.into_iter().map(|(kid, pem)| read_key(kid, pem)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by(|a, b| (a.times.signs_from, &a.kid).cmp(&(b.times.signs_from, &b.kid)));
        keys.dedup_by(|a, b| a.kid == b.kid);
        if keys.is_empty() {
            return Err(InvalidSigningKey::None);
        }
        if let Some(active) = active.filter(|active| keys.iter().all(|key| key.kid != *active)) {
            return Err(InvalidSigningKey::NoActive(active.to_owned()));
        }
        Ok(Self { keys, pinned: active.map(str::to_owned) })
    }

    /// The `kid` of the key that signs now.
    #[must_use]
    pub fn active(&self, now: OffsetDateTime) -> &str {
        &self.signing(now).kid
    }

    pub(crate) fn encoding(&self, now: OffsetDateTime) -> (&str, &EncodingKey) {
        let key = self.signing(now);
        (&key.kid, &key.encoding)
    }

    /// The last whose time has come; the first if none has.
    fn signing(&self, now: OffsetDateTime) -> &Key {
        let pinned = self.pinned.as_ref().and_then(|pinned| self.keys.iter().find(|key| key.kid == *pinned));
        let due = || self.keys.iter().rev().find(|key| key.times.has_begun(now));
        pinned.or_else(due).or(self.keys.first()).expect("there is a key: from_pems refuses none")
    }

    /// Whether tokens of this key still count.
    pub(crate) fn verifies(&self, kid: &str, now: OffsetDateTime) -> bool {
        self.decoding(kid, now).is_some()
    }

    pub(crate) fn decoding(&self, kid: &str, now: OffsetDateTime) -> Option<&DecodingKey> {
        self.verifying(now).find(|key| key.kid == kid).map(|key| &key.decoding)
    }

    fn verifying(&self, now: OffsetDateTime) -> impl Iterator<Item = &Key> {
        let signing = self.signing(now);
        let is_over = move |index: usize| self.keys[index + 1..].iter().any(|later| later.times.ends_older(now));
        self.keys.iter().enumerate().filter(move |(index, key)| key.kid == signing.kid || !is_over(*index)).map(|(_, key)| key)
    }

    /// Those that verify nothing any more: their files may go.
    pub(crate) fn over(&self, now: OffsetDateTime) -> Vec<&str> {
        self.keys.iter().map(|key| key.kid.as_str()).filter(|kid| !self.verifies(kid, now)).collect()
    }

    /// The key whose time to sign has not come, and when it comes.
    pub(crate) fn on_its_way(&self, now: OffsetDateTime) -> Option<(&str, OffsetDateTime)> {
        let last = self.keys.last().filter(|key| !key.times.has_begun(now))?;
        last.times.signs_from.map(|from| (last.kid.as_str(), from))
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned.is_some()
    }

    /// A kid that names one key here and another there: whoever verifies goes by the name alone.
    pub(crate) fn renamed<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let clashes = |key: &&Key| other.keys.iter().any(|same| same.kid == key.kid && (&same.x, &same.y) != (&key.x, &key.y));
        self.keys.iter().find(clashes).map(|key| key.kid.as_str())
    }

    /// The public keys (RFC 7517, section 5): of those that verify, the one that is to sign next among them.
    #[must_use]
    pub fn jwk_set(&self, now: OffsetDateTime) -> JwkSet {
        let jwk = |key: &Key| Jwk {
            kty: "EC",
            crv: "P-256",
            usage: "sig",
            alg: "ES256",
            kid: key.kid.clone(),
            x: key.x.clone(),
            y: key.y.clone(),
        };
        JwkSet { keys: self.verifying(now).map(jwk).collect() }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.keys.iter().map(|key| &key.kid).collect();
        f.debug_struct("SigningKeys").field("pinned", &self.pinned).field("kids", &kids).finish_non_exhaustive()
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

fn read_key(kid: &str, pem: &str) -> Result<Key, InvalidSigningKey> {
    let is_kid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if kid.is_empty() || kid.len() > MAX_KID_BYTES || !kid.bytes().all(is_kid) {
        return Err(InvalidSigningKey::Kid(kid.chars().take(MAX_KID_BYTES).collect()));
    }
    let invalid = || InvalidSigningKey::Pem(kid.to_owned());
    let (times, pem) = KeyTimes::above(pem).ok_or_else(|| InvalidSigningKey::Times(kid.to_owned()))?;
    let secret = SecretKey::from_pkcs8_pem(pem.trim()).map_err(|_| invalid())?;
    let der = secret.to_pkcs8_der().map_err(|_| invalid())?;
    let point = secret.public_key().to_sec1_bytes_uncompressed();
    let (x, y) = point[1..].split_at(32);
    Ok(Key {
        kid: kid.to_owned(),
        times,
        encoding: EncodingKey::from_ec_der(der.as_bytes()),
        decoding: DecodingKey::from_ec_der(&point),
        x: URL_SAFE_NO_PAD.encode(x),
        y: URL_SAFE_NO_PAD.encode(y),
    })
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

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    /// Keys named by letters, with their times in minutes from now: when each signs, and until when those before it verify.
    fn keys(of: &[(&str, Option<(i64, i64)>)], active: Option<&str>) -> SigningKeys {
        let at = |minutes| NOW + Duration::minutes(minutes);
        let pem = |times: &Option<(i64, i64)>| {
            let times = times.map(|(from, until)| KeyTimes { signs_from: Some(at(from)), older_until: Some(at(until)) });
            times.unwrap_or_default().write_above(&NewSigningKey::generate(NOW).pem)
        };
        let pems: Vec<_> = of.iter().map(|(kid, times)| (*kid, pem(times))).collect();
        SigningKeys::from_pems(pems.iter().map(|(kid, pem)| (*kid, pem.as_str())), active).unwrap()
    }

    fn published(keys: &SigningKeys, minutes: i64) -> (String, Vec<String>) {
        let now = NOW + Duration::minutes(minutes);
        (keys.active(now).to_owned(), keys.jwk_set(now).keys.into_iter().map(|key| key.kid).collect())
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_has_ended() {
        let keys = keys(&[("z", None), ("a", Some((10, 100)))], None);
        let told = |active: &str, kids: &[&str]| (active.to_owned(), kids.iter().map(|kid| (*kid).to_owned()).collect());
        assert_eq!(published(&keys, 9), told("z", &["z", "a"]));
        assert_eq!(published(&keys, 10), told("a", &["z", "a"]));
        assert_eq!(published(&keys, 99), told("a", &["z", "a"]));
        assert_eq!(published(&keys, 100), told("a", &["a"]));
        assert_eq!(keys.over(NOW + Duration::minutes(100)), ["z"]);
        assert!(!keys.verifies("z", NOW + Duration::minutes(100)));
    }

    #[test]
    fn a_key_that_ends_older_ones_at_once_does_so_no_sooner_than_it_signs() {
        let keys = keys(&[("old", None), ("new", Some((10, 0)))], None);
        assert_eq!(published(&keys, 9), ("old".to_owned(), vec!["old".to_owned(), "new".to_owned()]));
        assert_eq!(published(&keys, 10), ("new".to_owned(), vec!["new".to_owned()]));
    }

    #[test]
    fn without_times_the_last_by_name_signs_and_a_setting_decides_otherwise() {
        let names: &[(&str, Option<(i64, i64)>)] = &[("2026-01-01-b", None), ("2026-02-01-a", None)];
        assert_eq!(keys(names, None).active(NOW), "2026-02-01-a");
        assert_eq!(keys(names, Some("2026-01-01-b")).active(NOW), "2026-01-01-b");
        let pinned = keys(&[("old", None), ("new", Some((0, 0)))], Some("old"));
        assert_eq!(published(&pinned, 1).0, "old");
        assert!(pinned.verifies("old", NOW + Duration::minutes(1)));
    }

    #[test]
    fn one_name_for_two_keys_is_seen() {
        let (one, other) = (keys(&[("a", None)], None), keys(&[("a", None)], None));
        assert_eq!(one.renamed(&other), Some("a"));
        assert_eq!(one.renamed(&one.clone()), None);
    }
}
