//! What the tests share: one authority that is trusted, and the way from text to a verified payload.

use std::sync::LazyLock;

use serde_json::json;
use tidegate_app_store::{
    AppIdentity, ChainStanding, Environment, JwsError, NoOcsp, Roots, UnverifiedJws, VerifiedJws, Verifier, VerifierOptions,
};
use tidegate_protocol::problem::ProblemCode;
use tidegate_testkit::apple::{BUNDLE_ID, TestCa, transaction};
use time::OffsetDateTime;
use time::macros::datetime;

/// When the tests happen: an hour after the test payloads were signed.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-15 13:00 UTC);

static CA: LazyLock<TestCa> = LazyLock::new(TestCa::new);

/// The authority whose root is trusted.
pub(crate) fn ca() -> &'static TestCa {
    &CA
}

pub(crate) fn verifier() -> Verifier {
    verifier_of(ca())
}

pub(crate) fn verifier_of(ca: &TestCa) -> Verifier {
    Verifier::new(Roots::from_der([ca.root_der()]).unwrap(), VerifierOptions::default())
}

pub(crate) fn app() -> AppIdentity {
    AppIdentity {
        bundle_ids: vec![BUNDLE_ID.to_owned()],
        app_apple_id: Some(6_400_000_001),
        environments: vec![Environment::Production, Environment::Sandbox],
    }
}

/// Signature and chain, with OCSP switched off.
pub(crate) fn verify(verifier: &Verifier, jws: &str, now: OffsetDateTime) -> Result<VerifiedJws, JwsError> {
    let signed = verifier.verify(UnverifiedJws::parse(jws)?, now)?;
    let standing = ChainStanding::by_policy(signed.chain(), NoOcsp::Off);
    signed.accept(standing)
}

/// The code with which this JWS is refused, by a verifier that has seen nothing and by one that has the genuine chain cached.
pub(crate) fn refusal(jws: &str) -> ProblemCode {
    let cold = verify(&verifier(), jws, NOW).unwrap_err();
    let warm = verifier();
    verify(&warm, &genuine(), NOW).unwrap();
    assert_eq!(verify(&warm, jws, NOW).unwrap_err(), cold, "a cached chain changes nothing");
    cold.code()
}

/// A JWS as it should be.
pub(crate) fn genuine() -> String {
    ca().sign(&transaction(json!({})))
}
