#![no_main]
//! Answers about revocation: nobody without the authority's key can make one that is believed.

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidegate_app_store::{Position, UnverifiedJws, judge};
use tidegate_fuzz::{CA, GENUINE, NOW, VERIFIER};
use tidegate_testkit::apple::{OcspSigner, OcspSpec, OcspVerdict};
use time::Duration;

/// Revoked: no change may make it good.
static REVOKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let spec = OcspSpec { verdict: OcspVerdict::Revoked, signer: OcspSigner::Issuer, ..OcspSpec::good(NOW) };
    CA.ocsp_answer(true, &spec)
});

fuzz_target!(|bytes: &[u8]| {
    let jws = UnverifiedJws::parse(&GENUINE).expect("it is genuine");
    let signed = VERIFIER.verify(jws, NOW).expect("it is genuine");
    let believes = |answer: &[u8]| judge(signed.chain(), Position::Leaf, answer, NOW, Duration::minutes(1));
    assert!(believes(bytes).is_err(), "an answer of nobody's was believed");
    let mut changed = REVOKED.clone();
    for change in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % changed.len();
        changed[at] = change[2];
    }
    let is_good = believes(&changed).is_ok_and(|answer| answer.status() == tidegate_app_store::OcspStatus::Good);
    assert!(!is_good, "a revocation was turned into a good answer");
});
