//! Forged envelopes: every one is refused, each kind with its own code.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tidegate_app_store::MAX_JWS_BYTES;
use tidegate_protocol::problem::ProblemCode;
use tidegate_testkit::apple::{TestCa, transaction};

use crate::stand::{ca, genuine, refusal};

fn signed_with(change: impl FnOnce(&mut Value)) -> String {
    let mut header = ca().header();
    change(&mut header);
    ca().sign_with(&header, &transaction(json!({})))
}

fn with_signature(signature: &[u8]) -> String {
    let jws = genuine();
    let (signed, _) = jws.rsplit_once('.').unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn signature() -> Vec<u8> {
    let jws = genuine();
    URL_SAFE_NO_PAD.decode(jws.rsplit_once('.').unwrap().1).unwrap()
}

#[test]
fn alg_none_is_refused() {
    for alg in ["none", "None", "NONE", ""] {
        let jws = signed_with(|header| header["alg"] = json!(alg));
        assert_eq!(refusal(&jws), ProblemCode::AppStoreAlgorithm, "{alg}");
        let unsigned = format!("{}.", jws.rsplit_once('.').unwrap().0);
        assert_eq!(refusal(&unsigned), ProblemCode::AppStoreAlgorithm, "{alg} without a signature");
    }
}

#[test]
fn alg_hs256_with_the_public_key_as_secret_is_refused() {
    let jws = signed_with(|header| header["alg"] = json!("HS256"));
    assert_eq!(refusal(&jws), ProblemCode::AppStoreAlgorithm);
}

#[test]
fn alg_es384_is_refused() {
    for alg in ["ES384", "ES512", "RS256", "es256", "ES256 ", "ES256K"] {
        assert_eq!(refusal(&signed_with(|header| header["alg"] = json!(alg))), ProblemCode::AppStoreAlgorithm, "{alg}");
    }
}

#[test]
fn a_header_without_alg_is_refused() {
    let jws = signed_with(|header| {
        header.as_object_mut().unwrap().remove("alg");
    });
    assert_eq!(refusal(&jws), ProblemCode::AppStoreAlgorithm);
}

#[test]
fn a_header_field_given_twice_is_refused() {
    let header = ca().header().to_string().replacen('{', r#"{"alg":"ES256","#, 1);
    let jws = ca().sign_bytes(header.as_bytes(), transaction(json!({})).to_string().as_bytes());
    assert_eq!(refusal(&jws), ProblemCode::AppStoreHeaderDuplicate);
}

#[test]
fn crit_is_refused() {
    assert_eq!(refusal(&signed_with(|header| header["crit"] = json!(["exp"]))), ProblemCode::AppStoreHeaderCritical);
}

#[test]
fn a_changed_payload_is_refused() {
    let jws = genuine();
    let parts: Vec<_> = jws.split('.').collect();
    let payload = transaction(json!({ "expiresDate": 4_000_000_000_000_i64 })).to_string();
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(payload), parts[2]);
    assert_eq!(refusal(&forged), ProblemCode::AppStoreSignatureInvalid);
}

#[test]
fn a_bit_flipped_in_the_signature_is_refused() {
    for index in [0, 31, 32, 63] {
        let mut signature = signature();
        signature[index] ^= 1;
        assert_eq!(refusal(&with_signature(&signature)), ProblemCode::AppStoreSignatureInvalid, "byte {index}");
    }
}

#[test]
fn a_signature_by_another_key_under_the_genuine_chain_is_refused() {
    let jws = TestCa::new().sign_with(&ca().header(), &transaction(json!({})));
    assert_eq!(refusal(&jws), ProblemCode::AppStoreSignatureInvalid);
}

#[test]
fn a_truncated_signature_is_refused() {
    let signature = signature();
    for length in [0, 1, 32, 63] {
        assert_eq!(refusal(&with_signature(&signature[..length])), ProblemCode::AppStoreSignatureLength, "{length} bytes");
    }
    let longer = [signature.as_slice(), &[0]].concat();
    assert_eq!(refusal(&with_signature(&longer)), ProblemCode::AppStoreSignatureLength);
}

#[test]
fn a_zero_signature_is_refused() {
    let signature = signature();
    let zero_r = [[0; 32].as_slice(), &signature[32..]].concat();
    let zero_s = [&signature[..32], [0; 32].as_slice()].concat();
    for forged in [vec![0; 64], zero_r, zero_s] {
        assert_eq!(refusal(&with_signature(&forged)), ProblemCode::AppStoreSignatureZero);
    }
}

#[test]
fn a_signature_in_der_form_is_refused() {
    let signature = signature();
    let integer = |number: &[u8]| [&[2, 33, 0], number].concat();
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    assert_eq!(refusal(&with_signature(&der)), ProblemCode::AppStoreSignatureDer);
}

#[test]
fn an_oversized_jws_is_refused_unread() {
    let payload = transaction(json!({ "padding": "x".repeat(MAX_JWS_BYTES) }));
    assert_eq!(refusal(&ca().sign(&payload)), ProblemCode::AppStoreJwsTooLarge);
    assert_eq!(refusal(&".".repeat(MAX_JWS_BYTES + 1)), ProblemCode::AppStoreJwsTooLarge);
}

#[test]
fn what_is_not_three_segments_is_malformed() {
    let jws = genuine();
    for text in ["", ".", "..", "...", "a.b", &format!("{jws}.AA"), &format!(".{jws}"), jws.rsplit_once('.').unwrap().0] {
        assert_eq!(refusal(text), ProblemCode::AppStoreJwsMalformed, "{text:.20}");
    }
}

#[test]
fn one_text_for_one_segment() {
    let jws = genuine();
    let parts: Vec<_> = jws.split('.').collect();
    let signature = signature();
    let padded = format!("{}.{}.{}", parts[0], parts[1], URL_SAFE.encode(&signature));
    let standard = STANDARD.encode([0xFB; 64]); // has + in place of -
    let other_alphabet = format!("{}.{}.{}", parts[0], parts[1], standard.trim_end_matches('='));
    let mut leftover = jws.clone();
    let last = leftover.pop().unwrap();
    leftover.push(if last == 'A' { 'B' } else { char::from(last as u8 + 1) }); // 64 bytes leave four bits in the last letter
    let spaced = format!("{} .{}.{}", parts[0], parts[1], parts[2]);
    let line_end = format!("{jws}\n");
    for text in [padded, other_alphabet, leftover, spaced, line_end] {
        assert_eq!(refusal(&text), ProblemCode::AppStoreJwsMalformed);
    }
}

#[test]
fn a_header_that_is_no_object_is_malformed() {
    for header in ["", "null", "[]", "7", "{", r#"{"alg":1}"#, r#"{"alg":"ES256","x5c":{}}"#, r#"{"alg":"ES256","x5c":[1,2,3]}"#]
    {
        let jws = ca().sign_bytes(header.as_bytes(), b"{}");
        assert_eq!(refusal(&jws), ProblemCode::AppStoreJwsMalformed, "{header}");
    }
}
