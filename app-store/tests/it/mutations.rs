//! Thousands of small changes to what is genuine: nothing panics, and nothing that was changed is accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;
use tidegate_app_store::{Position, UnverifiedJws, VerifiedNotification, VerifiedRenewalInfo, VerifiedTransaction, judge};
use tidegate_testkit::apple::{OcspSpec, notification, transaction};
use time::Duration;

use crate::stand::{NOW, app, ca, genuine, verifier, verify};

/// One change to bytes, at a place given as a fraction of their length.
#[derive(Debug, Clone)]
enum Change {
    Flip(f64, u8),
    Cut(f64),
    Insert(f64, u8),
    Remove(f64, u8),
    Repeat(f64, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || 0.0..1.0;
    prop_oneof![
        4 => (place(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => place().prop_map(Change::Cut),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => (place(), 1u8..9).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => (place(), 1u8..64).prop_map(|(at, count)| Change::Repeat(at, count)),
    ]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within bytes")]
fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        let at = |fraction: f64| (fraction * bytes.len() as f64) as usize;
        match *change {
            Change::Flip(place, bit) => {
                let at = at(place);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Change::Cut(place) => {
                let at = at(place);
                bytes.truncate(at);
            }
            Change::Insert(place, byte) => {
                let at = at(place);
                bytes.insert(at, byte);
            }
            Change::Remove(place, count) => {
                let at = at(place);
                let end = bytes.len().min(at + usize::from(count));
                bytes.drain(at..end);
            }
            Change::Repeat(place, count) => {
                let at = at(place);
                let end = bytes.len().min(at + usize::from(count));
                let part = bytes[at..end].to_vec();
                bytes.splice(end..end, part);
            }
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_jws_is_refused(changes in changes()) {
        let jws = genuine();
        let text = String::from_utf8_lossy(&changed(jws.as_bytes(), &changes)).into_owned();
        prop_assert!(text == jws || verify(&verifier(), &text, NOW).is_err());
    }

    #[test]
    fn a_changed_certificate_is_refused_though_the_jws_is_signed_anew(changes in changes(), position in 0usize..3) {
        let mut chain = ca().chain_der();
        let certificate = changed(&chain[position], &changes);
        let is_same = certificate == chain[position];
        chain[position] = certificate;
        let x5c: Vec<String> = chain.iter().map(|der| STANDARD.encode(der)).collect();
        let jws = ca().sign_with(&json!({ "alg": "ES256", "x5c": x5c }), &transaction(json!({})));
        prop_assert!(is_same || verify(&verifier(), &jws, NOW).is_err());
    }

    #[test]
    fn a_changed_header_that_is_signed_never_panics(changes in changes()) {
        let header = changed(ca().header().to_string().as_bytes(), &changes);
        let jws = ca().sign_bytes(&header, b"{}");
        let _ = verify(&verifier(), &jws, NOW);
    }

    #[test]
    fn a_changed_payload_that_is_signed_never_panics(changes in changes()) {
        let header = ca().header().to_string();
        let verifier = verifier();
        for payload in [transaction(json!({})), notification("DID_RENEW", Some("BILLING_RECOVERY"), json!({}))] {
            let payload = changed(payload.to_string().as_bytes(), &changes);
            let jws = verify(&verifier, &ca().sign_bytes(header.as_bytes(), &payload), NOW).unwrap();
            let _ = VerifiedTransaction::read(&jws, &app());
            let _ = VerifiedRenewalInfo::read(&jws, &app());
            let _ = VerifiedNotification::read(&jws, &app());
        }
    }

    #[test]
    fn a_changed_answer_never_panics(changes in changes(), is_leaf in any::<bool>()) {
        let position = if is_leaf { Position::Leaf } else { Position::Intermediate };
        let jws = genuine();
        let signed = verifier().verify(UnverifiedJws::parse(&jws).unwrap(), NOW).unwrap();
        let answer = changed(&ca().ocsp_answer(is_leaf, &OcspSpec::good(NOW)), &changes);
        let _ = judge(signed.chain(), position, &answer, NOW, Duration::seconds(60));
    }
}
