//! What the targets share: an authority of their own, new in every process, and a verifier that trusts it.

use std::sync::LazyLock;

use serde_json::json;
use tidegate_app_store::{
    AppIdentity, ChainStanding, Environment, NoOcsp, Roots, UnverifiedJws, VerifiedJws, Verifier, VerifierOptions,
};
use tidegate_testkit::apple::{BUNDLE_ID, TestCa, transaction};
use time::OffsetDateTime;
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
