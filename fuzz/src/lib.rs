//! What the targets share: an authority and an issuer of their own, new in every process, and verifiers that trust them; and what the broker's targets
//! check, over the broker's own files.

pub mod config;
#[path = "../../broker/src/current.rs"]
mod current;
pub mod multipart;
pub mod presign;
pub mod session;

use std::sync::LazyLock;

use serde_json::json;
use tidegate_app_store::{
    AppIdentity, ChainStanding, Environment, NoOcsp, Roots, UnverifiedJws, VerifiedJws, Verifier, VerifierOptions,
};
use tidegate_oidc::{ClaimNames, Expected, KeySet, TokenKind, UnverifiedIdToken, VerifiedIdToken};
use tidegate_testkit::apple::{BUNDLE_ID, TestCa, transaction};
use tidegate_testkit::oidc::SigningKey;
use time::{Duration, OffsetDateTime};
use time::macros::datetime;

/// When it happens.
pub const NOW: OffsetDateTime = datetime!(2026-06-15 13:00 UTC);

/// The authority.
pub static CA: LazyLock<TestCa> = LazyLock::new(TestCa::new);
/// Trusts the authority alone.
pub static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(Roots::from_der([CA.root_der()]).expect("it is a root"), VerifierOptions::default()));
/// A genuine JWS.
pub static GENUINE: LazyLock<String> = LazyLock::new(|| CA.sign(&transaction(json!({}))));
/// The app of the genuine payloads.
pub static APP: LazyLock<AppIdentity> = LazyLock::new(|| AppIdentity {
    bundle_ids: vec![BUNDLE_ID.to_owned()],
    app_apple_id: Some(6_400_000_001),
    environments: vec![Environment::Production, Environment::Sandbox],
});

/// Signature and chain, with OCSP off; `None` if it is refused.
pub fn verify(jws: &str) -> Option<VerifiedJws> {
    let signed = VERIFIER.verify(UnverifiedJws::parse(jws).ok()?, NOW).ok()?;
    let standing = ChainStanding::by_policy(signed.chain(), NoOcsp::Off);
    signed.accept(standing).ok()
}

/// The issuer.
pub const ISSUER: &str = "https://id.example.org";
/// Its keys, one of each algorithm.
pub static ISSUER_KEYS: LazyLock<[SigningKey; 3]> =
    LazyLock::new(|| [SigningKey::es256("e"), SigningKey::rs256("r"), SigningKey::eddsa("d")]);
/// The keys as it publishes them.
pub static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| {
    let keys: Vec<_> = ISSUER_KEYS.iter().map(SigningKey::jwk).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("they are keys")
});
/// A genuine ID token.
pub static GENUINE_ID_TOKEN: LazyLock<String> = LazyLock::new(|| {
    let now = NOW.unix_timestamp();
    ISSUER_KEYS[0].token(&json!({ "iss": ISSUER, "aud": "tidegate", "sub": "ada", "iat": now, "exp": now + 300, "nonce": "n" }))
});

/// Whether an ID token is believed.
pub fn believe(text: &str) -> bool {
    let audiences = ["tidegate".to_owned()];
    let expected = Expected {
        issuer: ISSUER,
        audiences: &audiences,
        claims: &ClaimNames::default(),
        kind: TokenKind::Any,
        max_age: Duration::minutes(10),
        skew: Duration::minutes(1),
        now: NOW,
    };
    UnverifiedIdToken::parse(text).and_then(|token| VerifiedIdToken::verify(&token, &KEY_SET, &expected)).is_ok()
}
