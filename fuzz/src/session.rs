//! The broker's tokens and proofs, from the broker's own files: its other dependencies would be built for nothing.

#[path = "../../broker/src/session/jwk.rs"]
mod jwk;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/session/key_times.rs"]
mod key_times;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/session/keys.rs"]
mod keys;
#[path = "../../broker/src/session/nonce.rs"]
mod nonce;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/session/proof.rs"]
mod proof;
#[expect(dead_code, reason = "the broker uses the rest")]
#[path = "../../broker/src/session/token.rs"]
mod token;

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use tidegate_protocol::Sha256;
use time::Duration;

use self::keys::{NewSigningKey, SigningKeys};
use self::nonce::Nonces;
use self::proof::{Expected, UnverifiedProof};
use self::token::{TokenType, Tokens};
use crate::NOW;

const BROKER: &str = "https://tidegate.example.org";
const URL: &str = "https://tidegate.example.org/v1/presign";
const BODY: &[u8] = b"{}";
const KINDS: [TokenType; 5] =
    [TokenType::Access, TokenType::Renewal, TokenType::Invite, TokenType::Deletion, TokenType::Status];

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let key = NewSigningKey::generate(NOW);
    Tokens::new(SigningKeys::from_pems([(key.kid.as_str(), key.pem.as_str())], None).expect("it was made so"), BROKER)
});
/// One token of each kind.
static GENUINE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let claims = json!({ "iss": BROKER, "aud": BROKER, "exp": 2_000_000_000, "sub": "somebody" });
    KINDS.iter().map(|kind| TOKENS.sign(*kind, &claims, NOW).expect("claims always sign")).collect()
});
static DEVICE: LazyLock<EcdsaKeyPair> = LazyLock::new(|| {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("randomness");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("it was made so")
});
static NONCES: LazyLock<Nonces> = LazyLock::new(|| Nonces::new(&[7; 32]));
static PROOF: LazyLock<String> = LazyLock::new(|| sign(header().to_string().as_bytes(), right_claims().to_string().as_bytes()));

/// Text as it comes in a header: no token is accepted but one that this broker signed, for the use that it was signed for.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    refuse_foreign(text);
    for genuine in GENUINE.iter() {
        // The same before or behind what is genuine, so that more than the form is reached.
        let (signed, signature) = genuine.rsplit_once('.').expect("it has three segments");
        refuse_foreign(&format!("{text}.{signature}"));
        refuse_foreign(&format!("{signed}.{text}"));
        let (header, _) = signed.split_once('.').expect("it has three segments");
        refuse_foreign(&format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(bytes)));
    }
    // Claims that were signed by mistake count only if they are for this broker.
    let Ok(claims @ Value::Object(_)) = serde_json::from_slice::<Value>(bytes) else { return };
    let Ok(signed) = TOKENS.sign(TokenType::Access, &claims, NOW) else { return };
    if let Ok(read) = TOKENS.verify::<Value>(TokenType::Access, &signed, NOW) {
        let names = |member: &str| match &read[member] {
            Value::String(text) => text == BROKER,
            Value::Array(texts) => texts.iter().any(|text| text == BROKER),
            _ => false,
        };
        assert!(names("iss") && names("aud"), "a token for somebody else was accepted: {read}");
    }
}

fn refuse_foreign(text: &str) {
    for (kind, genuine) in KINDS.iter().zip(GENUINE.iter()) {
        if TOKENS.verify::<Value>(*kind, text, NOW).is_ok() {
            let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
            assert_eq!(signed(text), signed(genuine), "a forged token, or one for another use, was accepted");
        }
    }
}

/// Proofs: nobody without the device's key makes one, and what the key signs opens only the request that it names.
pub fn proof(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (_, signature) = PROOF.rsplit_once('.').expect("it has three segments");
        for forged in [text.to_owned(), format!("{text}.{signature}")] {
            let signed = |proof: &str| proof.rsplit_once('.').map(|(signed, _)| signed.to_owned());
            assert!(!holds(&forged) || signed(&forged) == signed(&PROOF), "a forged proof holds");
        }
        assert!(!NONCES.is_fresh(text, NOW), "a nonce that nobody minted is fresh");
    }
    assert!(holds(&PROOF), "the genuine proof holds");
    if holds(&sign(bytes, right_claims().to_string().as_bytes())) {
        assert_eq!(serde_json::from_slice::<Value>(bytes).ok(), Some(header()), "a proof with another header holds");
    }
    if holds(&sign(header().to_string().as_bytes(), bytes)) {
        let claims: Value = serde_json::from_slice(bytes).expect("what holds is JSON");
        let right = right_claims();
        for member in ["htm", "htu", "bh", "ath"] {
            assert_eq!(claims[member], right[member], "a proof of another request holds");
        }
        assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty() && jti.len() <= 128));
        assert!(claims["iat"].is_number());
    }
}

fn holds(proof: &str) -> bool {
    let Ok(proof) = UnverifiedProof::parse(proof) else { return false };
    let is_fresh = proof.nonce().is_some_and(|nonce| NONCES.is_fresh(nonce, NOW + Duration::seconds(1)));
    let (body, token) = (Sha256::of(BODY), Sha256::of(GENUINE[0].as_bytes()));
    let expected = Expected { method: &Method::POST, url: URL, body: &body, token: Some(&token) };
    let verified = proof.verify(&expected);
    if let Ok(verified) = &verified {
        assert_eq!(
            is_fresh,
            NONCES.is_fresh(&verified.nonce, NOW + Duration::seconds(1)),
            "the nonce that was looked at is the signed one"
        );
    }
    verified.is_ok()
}

fn header() -> Value {
    let point = DEVICE.public_key().as_ref();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) });
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk })
}

fn right_claims() -> Value {
    let hash = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(Sha256::of(bytes).as_bytes());
    json!({ "jti": "1", "htm": "POST", "htu": URL, "iat": 1, "nonce": NONCES.mint(NOW), "bh": hash(BODY), "ath": hash(GENUINE[0].as_bytes()) })
}

fn sign(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = DEVICE.sign(&SystemRandom::new(), signed.as_bytes()).expect("randomness");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
