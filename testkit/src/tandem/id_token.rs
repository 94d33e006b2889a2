//! ID tokens, right and forged, and the keys that they are checked with.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::plan::Plan;

/// How an ID token is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// `alg` is `none`, and there is no signature.
    NoAlgorithm,
    /// `alg` is `HS256`, with the public key as the secret.
    PublicKeyAsSecret,
    /// `alg` is `RS256`, and the signature is a MAC with the public key.
    MacAsSignature,
    /// It names a key that the service does not have.
    UnknownKey,
    /// It names no key.
    NoKey,
    /// It names the service's key, and another one signed it.
    OthersSignature,
    /// Claims that were changed after signing.
    ChangedClaims,
    /// The header has rules of its own.
    Critical,
    /// Another issuer.
    Issuer,
    /// Made for another client.
    Audience,
    /// Made for this client and another one.
    SharedAudience,
    /// It ended two minutes ago.
    Expired,
    /// It has no end.
    NoEnd,
    /// It was made so many seconds from now.
    Ahead(i64),
    /// It names no person.
    NoPerson,
    /// The person's identifier would leave its place in an address.
    PathAsPerson,
    /// Two parts instead of three.
    TwoParts,
}

struct Key {
    name: &'static str,
    pair: RsaKeyPair,
}

/// Two keys for the service, one after the other, and one that it never had. They are drawn once per process: that takes a while.
fn key(index: usize) -> &'static Key {
    static KEYS: OnceLock<Vec<Key>> = OnceLock::new();
    let draw = || {
        let names = ["2026-a", "2026-b", "strange"];
        names
            .map(|name| Key { name, pair: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key is drawn") })
            .into_iter()
            .collect()
    };
    &KEYS.get_or_init(draw)[index]
}

/// The key set of the service, which signs with the key of this number (0 or 1).
pub(super) fn key_set(signing: usize) -> Value {
    let key = key(signing);
    let (n, e) = numbers(key.pair.public_key().as_ref());
    let elliptic = json!({ "kty": "EC", "kid": key.name, "crv": "P-256", "x": "AA", "y": "AA" });
    json!({ "keys": [elliptic, { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.name, "n": n, "e": e }] })
}

/// An ID token of the account for this client.
pub(super) fn sign(plan: &Plan, issuer: &str, client_id: &str, signing: usize, forgery: Option<Forgery>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": key(signing).name, "x5t": "AA" });
    let mut claims = json!({
        "iss": issuer, "aud": client_id, "iat": now, "nbf": now, "exp": now + 300, "sub": plan.account_id, "amr": ["pwd"],
        "email": plan.username, "given_name": plan.first_name, "family_name": plan.last_name,
        "pumperId": plan.pumper_id, "accountId": plan.account_id,
    });
    match forgery {
        Some(Forgery::NoAlgorithm) => header["alg"] = json!("none"),
        Some(Forgery::PublicKeyAsSecret) => header["alg"] = json!("HS256"),
        Some(Forgery::UnknownKey) => header["kid"] = json!("2025-z"),
        Some(Forgery::NoKey) => header["kid"] = Value::Null,
        Some(Forgery::Critical) => header["crit"] = json!(["exp"]),
        Some(Forgery::Issuer) => claims["iss"] = json!("https://accounts.example.org"),
        Some(Forgery::Audience) => claims["aud"] = json!("another-client"),
        Some(Forgery::SharedAudience) => claims["aud"] = json!([client_id, "another-client"]),
        Some(Forgery::Expired) => {
            for (claim, at) in [("iat", now - 420), ("nbf", now - 420), ("exp", now - 120)] {
                claims[claim] = json!(at);
            }
        }
        Some(Forgery::NoEnd) => claims["exp"] = Value::Null,
        Some(Forgery::Ahead(seconds)) => {
            for (claim, at) in [("iat", now), ("nbf", now), ("exp", now + 300)] {
                claims[claim] = json!(at + seconds);
            }
        }
        Some(Forgery::NoPerson) => claims["pumperId"] = Value::Null,
        Some(Forgery::PathAsPerson) => claims["pumperId"] = json!("../../pumpers"),
        Some(Forgery::MacAsSignature | Forgery::OthersSignature | Forgery::ChangedClaims | Forgery::TwoParts) | None => {}
    }
    let message = format!("{}.{}", encoded(&header), encoded(&claims));
    let public = key(signing).pair.public_key();
    let mac = |message: &str| {
        let der = public.as_der().expect("a public key has this form");
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, der.as_ref()), message.as_bytes()).as_ref().to_vec()
    };
    if forgery == Some(Forgery::TwoParts) {
        return message;
    }
    let signature = if forgery == Some(Forgery::NoAlgorithm) {
        Vec::new()
    } else if matches!(forgery, Some(Forgery::PublicKeyAsSecret | Forgery::MacAsSignature)) {
        mac(&message)
    } else {
        signature(if forgery == Some(Forgery::OthersSignature) { 2 } else { signing }, &message)
    };
    if forgery == Some(Forgery::ChangedClaims) {
        claims["pumperId"] = json!("00000000-0000-4000-8000-000000000000");
    }
    format!("{}.{}.{}", encoded(&header), encoded(&claims), URL_SAFE_NO_PAD.encode(signature))
}

fn signature(index: usize, message: &str) -> Vec<u8> {
    let pair = &key(index).pair;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("a key signs");
    signature
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// Modulus and exponent of a public key in DER (RFC 8017, appendix A.1.1), in base64url: a sequence of two integers.
fn numbers(der: &[u8]) -> (String, String) {
    let (_, sequence, _) = element(der);
    let (_, n, rest) = element(sequence);
    let (_, e, _) = element(rest);
    let unsigned = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes.strip_prefix(&[0]).unwrap_or(bytes));
    (unsigned(n), unsigned(e))
}

/// Tag, contents and what follows of the first element.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (tag, first, rest) = (der[0], der[1], &der[2..]);
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at(usize::from(first & 0x7F));
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    let (contents, rest) = rest.split_at(length);
    (tag, contents, rest)
}
