//! What is accepted: the right one, in all forms that Apple sends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tidegate_app_store::{
    Environment, JwsError, OwnershipType, Roots, Subtype, UnverifiedJws, VerifiedNotification, VerifiedRenewalInfo,
    VerifiedTransaction, Verifier, VerifierOptions,
};
use tidegate_testkit::apple::{BUNDLE_ID, Curve, TestCa, notification, renewal_info, transaction};
use time::Duration;

use crate::stand::{NOW, app, ca, genuine, verifier, verifier_of, verify};

/// The order of P-256, big-endian (SEC 2, section 2.4.2).
const ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7,
    0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

#[test]
fn a_transaction_is_read() {
    let jws = verify(&verifier(), &genuine(), NOW).unwrap();
    let transaction = VerifiedTransaction::read(&jws, &app()).unwrap();
    assert_eq!(transaction.bundle_id, BUNDLE_ID);
    assert_eq!(transaction.in_app_ownership_type, Some(OwnershipType::Purchased));
    assert_eq!(transaction.expires_date.unwrap() - transaction.purchase_date, Duration::days(30));
}

#[test]
fn renewal_information_is_read() {
    let jws = verify(&verifier(), &ca().sign(&renewal_info(json!({ "autoRenewStatus": 0 }))), NOW).unwrap();
    let renewal_info = VerifiedRenewalInfo::read(&jws, &app()).unwrap();
    assert_eq!(renewal_info.auto_renew_status, Some(0));
}

#[test]
fn a_notification_is_read_with_what_is_nested_in_it() {
    let verifier = verifier();
    let data = json!({
        "signedTransactionInfo": ca().sign(&transaction(json!({}))),
        "signedRenewalInfo": ca().sign(&renewal_info(json!({}))),
    });
    let outer = verify(&verifier, &ca().sign(&notification("SUBSCRIBED", Some("INITIAL_BUY"), data)), NOW).unwrap();
    let outer = VerifiedNotification::read(&outer, &app()).unwrap();
    assert_eq!((outer.subtype.as_ref(), outer.environment()), (Some(&Subtype::InitialBuy), &Environment::Production));
    let data = outer.data.as_ref().unwrap();
    let nested = verify(&verifier, data.signed_transaction_info.as_ref().unwrap(), NOW).unwrap();
    let transaction = VerifiedTransaction::read(&nested, &app()).unwrap();
    let nested = verify(&verifier, data.signed_renewal_info.as_ref().unwrap(), NOW).unwrap();
    let renewal_info = VerifiedRenewalInfo::read(&nested, &app()).unwrap();
    outer.check_nested(Some(&transaction), Some(&renewal_info)).unwrap();
}

#[test]
fn unknown_fields_and_values_never_fail() {
    let unknown = json!({ "type": "Lease", "inAppOwnershipType": "RENTED", "advancedCommerceInfo": { "a": [1, null] } });
    let jws = verify(&verifier(), &ca().sign(&transaction(unknown)), NOW).unwrap();
    let transaction = VerifiedTransaction::read(&jws, &app()).unwrap();
    assert_eq!(transaction.product_type.as_str(), "Lease");
    let jws = verify(&verifier(), &ca().sign(&notification("NEW_TYPE", Some("NEW_SUBTYPE"), json!({}))), NOW).unwrap();
    assert_eq!(VerifiedNotification::read(&jws, &app()).unwrap().notification_type.as_str(), "NEW_TYPE");
}

#[test]
fn dates_may_have_fractions_of_a_millisecond() {
    let fractional = json!({ "signedDate": 1_781_524_800_000.75, "purchaseDate": 1_781_524_800_000.123 });
    let jws = verify(&verifier(), &ca().sign(&transaction(fractional)), NOW).unwrap();
    let transaction = VerifiedTransaction::read(&jws, &app()).unwrap();
    assert_eq!(transaction.signed_date.unix_timestamp_nanos() % 1_000_000, 750_000);
}

#[test]
fn a_signature_with_high_s_is_genuine() {
    let verifier = verifier();
    let jws = genuine();
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let other_s = subtract(&ORDER, &signature[32..]);
    signature[32..].copy_from_slice(&other_s);
    let other = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_ne!(other, jws);
    verify(&verifier, &jws, NOW).unwrap();
    verify(&verifier, &other, NOW).unwrap();
}

#[test]
fn the_header_may_have_more_fields() {
    let mut header = ca().header();
    header["kid"] = json!("Apple_Xcode_Key");
    header["typ"] = json!("JWT");
    header["jwk"] = json!({ "kty": "EC", "crv": "P-256" });
    verify(&verifier(), &ca().sign_with(&header, &transaction(json!({}))), NOW).unwrap();
}

#[test]
fn an_authority_of_p256_is_as_good() {
    let mut root = tidegate_testkit::apple::CertificateSpec::root();
    root.curve = Curve::P256;
    let ca = TestCa::with_root(root).chain_variant(|chain| chain.intermediate.curve = Curve::P256);
    verify(&verifier_of(&ca), &ca.sign(&transaction(json!({}))), NOW).unwrap();
}

#[test]
fn any_of_several_roots_will_do() {
    let other = TestCa::new();
    let roots = Roots::from_der([ca().root_der(), other.root_der()]).unwrap();
    let verifier = Verifier::new(roots, VerifierOptions::default());
    for ca in [ca(), &other] {
        verify(&verifier, &ca.sign(&transaction(json!({}))), NOW).unwrap();
    }
}

#[test]
fn a_clock_that_is_a_minute_off_does_no_harm() {
    let from = NOW + Duration::seconds(59);
    let young = ca().chain_variant(|chain| chain.leaf.not_before = from);
    verify(&verifier(), &young.sign(&transaction(json!({}))), NOW).unwrap();
    let until = NOW - Duration::seconds(59);
    let old = ca().chain_variant(|chain| chain.leaf.not_after = until);
    verify(&verifier(), &old.sign(&transaction(json!({}))), NOW).unwrap();
}

#[test]
fn xcode_is_taken_at_its_word_in_development_alone() {
    let payload = transaction(json!({ "environment": "Xcode" }));
    let made_by_anybody = TestCa::new().sign_with(&json!({ "alg": "ES256", "x5c": ["AA=="] }), &payload);
    let strict = verifier().accept_unsigned(UnverifiedJws::parse(&made_by_anybody).unwrap());
    assert_eq!(strict.unwrap_err(), JwsError::Unsigned);

    let options = VerifierOptions { accepts_unsigned: true, ..VerifierOptions::default() };
    let development = Verifier::new(Roots::apple(), options);
    let jws = development.accept_unsigned(UnverifiedJws::parse(&made_by_anybody).unwrap()).unwrap();
    let mut app = app();
    VerifiedTransaction::read(&jws, &app).unwrap_err();
    app.environments.push(Environment::Xcode);
    VerifiedTransaction::read(&jws, &app).unwrap();

    for environment in ["Production", "Sandbox", "Elsewhere"] {
        let forged = TestCa::new().sign(&transaction(json!({ "environment": environment })));
        let refused = development.accept_unsigned(UnverifiedJws::parse(&forged).unwrap());
        assert_eq!(refused.unwrap_err(), JwsError::Unsigned, "{environment}");
    }
}

/// a - b, big-endian; a is the greater.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0i16;
    let mut difference = vec![0; a.len()];
    for index in (0..a.len()).rev() {
        let digit = i16::from(a[index]) - i16::from(b[index]) - borrow;
        borrow = i16::from(digit < 0);
        difference[index] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    difference
}

#[test]
fn the_payload_is_what_was_signed() {
    let payload: Value = transaction(json!({ "transactionId": "77" }));
    let jws = verify(&verifier(), &ca().sign(&payload), NOW).unwrap();
    assert_eq!(VerifiedTransaction::read(&jws, &app()).unwrap().transaction_id, "77");
}
