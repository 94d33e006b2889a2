//! An issuer's published keys (RFC 7517). Each is good for one algorithm, which its own type says.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::IdTokenFault;
use crate::jws::{UnverifiedIdToken, decode};

/// Most keys of a set that are looked at.
const MAX_KEYS: usize = 100;
/// Fewest bits of an RSA modulus (RFC 7518, section 3.3).
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;
/// Bytes of a coordinate on P-256, and of an Ed25519 key.
const COORDINATE_BYTES: usize = 32;

/// Why a document is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// Not `{"keys": [...]}`.
    #[error("the issuer's key set is not a JSON Web Key Set of at most {MAX_KEYS} keys")]
    Malformed,
    /// None of its keys is one for RS256, ES256 or EdDSA signatures.
    #[error("the issuer's key set holds no key for RS256, ES256 or EdDSA signatures")]
    Empty,
}

/// The keys of an issuer that sign, as far as they are understood.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct SetDocument {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds, for other uses, or malformed ones are passed over (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`KeySetFault`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetFault> {
        let document: SetDocument = serde_json::from_slice(json).map_err(|_| KeySetFault::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetFault::Malformed);
        }
        let keys: Vec<Key> = document.keys.iter().filter_map(Key::read).collect();
        if keys.is_empty() { Err(KeySetFault::Empty) } else { Ok(Self { keys }) }
    }

    /// Whether the token's signature is by a key of this set: the one that it names, or, where it names none, the only one of its
    /// algorithm. The algorithm is the key's: a token that states another is refused.
    ///
    /// # Errors
    /// [`IdTokenFault::Algorithm`], [`IdTokenFault::UnknownKey`], [`IdTokenFault::Signature`].
    pub(crate) fn verify(&self, token: &UnverifiedIdToken<'_>) -> Result<(), IdTokenFault> {
        let algorithm = named(&token.alg).ok_or(IdTokenFault::Algorithm)?;
        let named: Vec<&Key> = match &token.kid {
            Some(kid) => self.keys.iter().filter(|key| key.kid.as_ref() == Some(kid)).collect(),
            None => self.keys.iter().filter(|key| key.algorithm == algorithm).collect(),
        };
        if named.is_empty() || (token.kid.is_none() && named.len() > 1) {
            return Err(IdTokenFault::UnknownKey);
        }
        // Two keys may share a name if their types differ (RFC 7517, section 4.5); of one type, either may have signed.
        let fitting: Vec<&Key> = named.into_iter().filter(|key| key.algorithm == algorithm).collect();
        if fitting.is_empty() {
            return Err(IdTokenFault::Algorithm);
        }
        let holds = fitting.iter().any(|key| key.verifies(token));
        if holds { Ok(()) } else { Err(IdTokenFault::Signature) }
    }
}

/// The algorithm of this name in a header (RFC 7518, RFC 8037; RFC 9864 names the curve). `none`, the HMACs and all others are no
/// names here.
fn named(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

impl Key {
    fn read(document: &Value) -> Option<Self> {
        let Jwk { common, algorithm } = Jwk::deserialize(document).ok()?;
        let signs = common.public_key_use.is_none_or(|usage| usage == PublicKeyUse::Signature)
            && common.key_operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let (algorithm, public) = read_public(&algorithm)?;
        let is_of_algorithm = document.get("alg").is_none_or(|alg| alg.as_str().and_then(named) == Some(algorithm));
        (signs && is_of_algorithm).then_some(Self { kid: common.key_id, algorithm, public })
    }

    /// By the key's algorithm, whatever the token says of its own.
    fn verifies(&self, token: &UnverifiedIdToken<'_>) -> bool {
        crypto::verify(token.signature, token.signed.as_bytes(), &self.public, self.algorithm).unwrap_or(false)
    }
}

/// The key itself, and the one algorithm that it is good for.
fn read_public(parameters: &AlgorithmParameters) -> Option<(Algorithm, DecodingKey)> {
    if let AlgorithmParameters::RSA(rsa) = parameters {
        let n = strip_zeros(decode(&rsa.n).ok()?);
        let e = strip_zeros(decode(&rsa.e).ok()?);
        let is_of_size = (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&(n.len() * 8));
        return is_of_size.then(|| (Algorithm::RS256, DecodingKey::from_rsa_raw_components(&n, &e)));
    }
    if let AlgorithmParameters::EllipticCurve(point) = parameters {
        let is_p256 = point.curve == EllipticCurve::P256 && is_coordinate(&point.x) && is_coordinate(&point.y);
        return is_p256
            .then(|| DecodingKey::from_ec_components(&point.x, &point.y).ok())
            .flatten()
            .map(|key| (Algorithm::ES256, key));
    }
    if let AlgorithmParameters::OctetKeyPair(pair) = parameters {
        let is_ed25519 = pair.curve == EllipticCurve::Ed25519 && is_coordinate(&pair.x);
        return is_ed25519.then(|| DecodingKey::from_ed_components(&pair.x).ok()).flatten().map(|key| (Algorithm::EdDSA, key));
    }
    None
}

fn is_coordinate(text: &str) -> bool {
    decode(text).is_ok_and(|bytes| bytes.len() == COORDINATE_BYTES)
}

/// Some issuers write a leading zero; the length in bits is meant without it.
fn strip_zeros(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const N: usize = 256;

    fn rsa(more: &Value) -> Value {
        use base64::Engine as _;
        let n = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([0xff; N]);
        let mut key = json!({ "kty": "RSA", "n": n, "e": "AQAB" });
        for (name, value) in more.as_object().into_iter().flatten() {
            key[name] = value.clone();
        }
        key
    }

    fn algorithms(keys: &[Value]) -> Result<Vec<Algorithm>, KeySetFault> {
        let set = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())?;
        Ok(set.keys.iter().map(|key| key.algorithm).collect())
    }

    #[test]
    fn a_key_is_good_for_the_one_algorithm_that_its_type_says() {
        let x = "A".repeat(42) + "8";
        let ec = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x });
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        let expected = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
        assert_eq!(algorithms(&[rsa(&json!({})), ec, ed]).unwrap(), expected);
        // A name of an algorithm that does not fit is not believed over the type.
        for alg in ["ES256", "EdDSA", "PS256", "RS384", "HS256", "none", "rs256", ""] {
            assert_eq!(algorithms(&[rsa(&json!({ "alg": alg }))]), Err(KeySetFault::Empty), "{alg}");
        }
        assert_eq!(algorithms(&[rsa(&json!({ "alg": "RS256" }))]).unwrap(), [Algorithm::RS256]);
    }

    #[test]
    fn what_does_not_sign_or_is_no_such_key_is_passed_over() {
        let x = "A".repeat(42) + "8";
        for key in [
            rsa(&json!({ "use": "enc" })),
            rsa(&json!({ "key_ops": ["encrypt"] })),
            rsa(&json!({ "key_ops": [] })),
            rsa(&json!({ "n": "AQAB" })),
            rsa(&json!({ "n": null })),
            json!({ "kty": "oct", "k": "c2VjcmV0" }),
            json!({ "kty": "EC", "crv": "P-384", "x": x, "y": x }),
            json!({ "kty": "EC", "crv": "P-256", "x": x }),
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": "AA" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": x }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AA" }),
            json!(17),
        ] {
            assert_eq!(algorithms(std::slice::from_ref(&key)), Err(KeySetFault::Empty), "{key}");
            assert_eq!(algorithms(&[key.clone(), rsa(&json!({}))]).unwrap(), [Algorithm::RS256], "{key}");
        }
    }

    #[test]
    fn a_set_has_a_bounded_number_of_keys() {
        assert_eq!(algorithms(&vec![rsa(&json!({})); MAX_KEYS]).unwrap().len(), MAX_KEYS);
        assert_eq!(algorithms(&vec![rsa(&json!({})); MAX_KEYS + 1]), Err(KeySetFault::Malformed));
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert_eq!(KeySet::parse(text.as_bytes()).err(), Some(KeySetFault::Malformed), "{text}");
        }
    }

    #[test]
    fn a_modulus_may_begin_with_a_zero() {
        use base64::Engine as _;
        let padded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([&[0][..], &[0xff; N]].concat());
        assert_eq!(algorithms(&[rsa(&json!({ "n": padded }))]).unwrap(), [Algorithm::RS256]);
    }
}
