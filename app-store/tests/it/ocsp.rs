//! Answers about revocation: which are believed, and for how long.

use serde_json::json;
use std::sync::Arc;

use tidegate_app_store::{
    Chain, ChainStanding, JwsError, OcspAnswer, OcspError, OcspStatus, Position, UnverifiedJws, judge, request,
};
use tidegate_testkit::apple::{OcspSigner, OcspSpec, OcspVerdict, TestCa, transaction};
use time::Duration;

use crate::stand::{NOW, ca, verifier, verifier_of};

const SKEW: Duration = Duration::seconds(60);

fn chain_of(ca: &TestCa) -> Arc<Chain> {
    let jws = ca.sign(&transaction(json!({})));
    let signed = verifier_of(ca).verify(UnverifiedJws::parse(&jws).unwrap(), NOW).unwrap();
    Arc::clone(signed.chain())
}

fn judged(change: impl Fn(&mut OcspSpec)) -> [Result<OcspAnswer, OcspError>; 2] {
    let mut spec = OcspSpec::good(NOW);
    change(&mut spec);
    [Position::Leaf, Position::Intermediate].map(|position| {
        let answer = ca().ocsp_answer(position == Position::Leaf, &spec);
        judge(&chain_of(ca()), position, &answer, NOW, SKEW)
    })
}

/// The same error for leaf and intermediate.
fn refused(change: impl Fn(&mut OcspSpec)) -> OcspError {
    let [leaf, intermediate] = judged(change).map(Result::unwrap_err);
    assert_eq!(leaf, intermediate);
    leaf
}

fn answers(change: impl Fn(&mut OcspSpec)) -> [OcspAnswer; 2] {
    judged(change).map(Result::unwrap)
}

#[test]
fn a_good_answer_counts_until_its_next_update() {
    for answer in answers(|_| {}) {
        assert_eq!(answer.status(), OcspStatus::Good);
        assert_eq!(answer.until(), NOW + Duration::hours(11) + SKEW);
    }
}

#[test]
fn the_issuer_may_answer_itself() {
    answers(|spec| spec.signer = OcspSigner::Issuer);
}

#[test]
fn nobody_else_may_answer() {
    for signer in [OcspSigner::WithoutPurpose, OcspSigner::Expired, OcspSigner::Stranger, OcspSigner::OtherAuthority] {
        assert_eq!(refused(|spec| spec.signer = signer), OcspError::Signer, "{signer:?}");
    }
}

#[test]
fn a_broken_signature_is_refused() {
    assert_eq!(refused(|spec| spec.broken_signature = true), OcspError::Signer);
}

#[test]
fn a_stale_answer_is_refused() {
    let ended = NOW - Duration::seconds(61);
    assert_eq!(refused(|spec| spec.next_update = Some(ended)), OcspError::Stale);
    assert_eq!(refused(|spec| spec.next_update = None), OcspError::Stale);
    answers(|spec| spec.next_update = Some(NOW - Duration::seconds(59)));
}

#[test]
fn an_answer_that_claims_to_last_for_years_lasts_a_week() {
    for answer in answers(|spec| spec.next_update = Some(NOW + Duration::days(3_650))) {
        assert_eq!(answer.until(), NOW - Duration::hours(1) + Duration::days(7) + SKEW);
    }
    let long_ago = |spec: &mut OcspSpec| {
        spec.this_update = NOW - Duration::days(8);
        spec.next_update = Some(NOW + Duration::days(3_650));
    };
    assert_eq!(refused(long_ago), OcspError::Stale);
}

#[test]
fn an_answer_from_the_future_is_refused() {
    assert_eq!(refused(|spec| spec.this_update = NOW + Duration::seconds(61)), OcspError::NotYetValid);
}

#[test]
fn an_answer_about_another_certificate_is_refused() {
    assert_eq!(refused(|spec| spec.serial = Some(vec![1, 2, 3])), OcspError::OtherCertificate);
    assert_eq!(refused(|spec| spec.copies = 0), OcspError::OtherCertificate);
    assert_eq!(refused(|spec| spec.copies = 2), OcspError::OtherCertificate);
    let about_the_leaf = ca().ocsp_answer(true, &OcspSpec::good(NOW));
    let answer = judge(&chain_of(ca()), Position::Intermediate, &about_the_leaf, NOW, SKEW);
    assert_eq!(answer.unwrap_err(), OcspError::Signer, "the intermediate cannot answer for itself");
}

#[test]
fn a_critical_extension_is_refused() {
    assert_eq!(refused(|spec| spec.critical_extension = true), OcspError::CriticalExtension);
}

#[test]
fn an_unknown_certificate_is_not_a_good_one() {
    assert_eq!(refused(|spec| spec.verdict = OcspVerdict::Unknown), OcspError::Unknown);
}

#[test]
fn what_is_no_answer_is_malformed() {
    let answer = ca().ocsp_answer(true, &OcspSpec::good(NOW));
    let chain = chain_of(ca());
    let judge = |bytes: &[u8]| judge(&chain, Position::Leaf, bytes, NOW, SKEW).unwrap_err();
    let trailing = [answer.as_slice(), &[0]].concat();
    for bytes in [&[], b"<html>".as_slice(), &answer[..answer.len() - 1], trailing.as_slice(), &[0x30, 0x80].repeat(1_000)] {
        assert_eq!(judge(bytes), OcspError::Malformed);
    }
    assert_eq!(judge(&[0x30, 3, 0x0A, 1, 3]), OcspError::Unsuccessful, "try later");
    assert_eq!(judge(&[0x30, 3, 0x0A, 1, 0]), OcspError::Malformed, "successful without an answer");
    assert_eq!(judge(&vec![0x30; 20_000]), OcspError::TooLarge);
}

#[test]
fn every_bit_of_an_answer_counts() {
    let answer = ca().ocsp_answer(true, &OcspSpec { signer: OcspSigner::Issuer, ..OcspSpec::good(NOW) });
    let chain = chain_of(ca());
    let signed_bytes = 150; // the certificate that comes along is not signed by this answer
    for index in 0..signed_bytes {
        let mut changed = answer.clone();
        changed[index] ^= 1;
        assert!(judge(&chain, Position::Leaf, &changed, NOW, SKEW).is_err(), "byte {index}");
    }
}

#[test]
fn two_good_answers_make_a_standing_for_their_chain_alone() {
    let good = answers(|_| {});
    let chain = chain_of(ca());
    ChainStanding::from_answers(&chain, &good, NOW).unwrap();
    let later = ChainStanding::from_answers(&chain, &good, NOW + Duration::hours(12));
    assert_eq!(later.unwrap_err(), JwsError::RevocationUnknown);
    let [leaf, intermediate] = good;
    for mixed in [[leaf, leaf], [intermediate, leaf], [intermediate, intermediate]] {
        let standing = ChainStanding::from_answers(&chain, &mixed, NOW);
        assert_eq!(standing.unwrap_err(), JwsError::StandingOfAnotherChain);
    }
    let other = chain_of(&ca().leaf_variant(|_| {}));
    assert_eq!(ChainStanding::from_answers(&other, &good, NOW).unwrap_err(), JwsError::StandingOfAnotherChain);
}

#[test]
fn a_revoked_certificate_is_the_end() {
    let revoked = answers(|spec| spec.verdict = OcspVerdict::Revoked);
    let good = answers(|_| {});
    let chain = chain_of(ca());
    let leaf = ChainStanding::from_answers(&chain, &[revoked[0], good[1]], NOW).unwrap_err();
    assert_eq!(leaf, JwsError::CertificateRevoked { position: Position::Leaf });
    let intermediate = ChainStanding::from_answers(&chain, &[good[0], revoked[1]], NOW).unwrap_err();
    assert_eq!(intermediate, JwsError::CertificateRevoked { position: Position::Intermediate });
}

#[test]
fn a_standing_of_one_chain_does_not_pass_for_another() {
    let verifier = verifier();
    let standing = ChainStanding::from_answers(&chain_of(ca()), &answers(|_| {}), NOW).unwrap();
    let other = ca().leaf_variant(|_| {}).sign(&transaction(json!({})));
    let signed = verifier.verify(UnverifiedJws::parse(&other).unwrap(), NOW).unwrap();
    assert_eq!(signed.accept(standing).unwrap_err(), JwsError::StandingOfAnotherChain);
}

#[test]
fn a_question_names_one_certificate_and_has_no_nonce() {
    let chain = chain_of(ca());
    let [leaf, intermediate] = [Position::Leaf, Position::Intermediate].map(|position| request(&chain, position));
    assert_ne!(leaf, intermediate);
    assert!(leaf.len() < 150, "{} bytes", leaf.len());
}
