//! Nothing secret is printed.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner, SigningKey};
use time::macros::{date, datetime};

fn credentials() -> Credentials {
    Credentials::new("AKIDVISIBLE", "secret-text", Some("token-text".to_owned()))
}

fn assert_masked(printed: &str) {
    assert!(!printed.contains("secret-text") && !printed.contains("token-text"), "{printed}");
}

#[test]
fn debug_of_credentials_masks_secret_and_token() {
    let printed = format!("{:?}", credentials());
    assert_masked(&printed);
    assert!(printed.contains("AKIDVISIBLE"));
}

#[test]
fn debug_of_a_signing_key_shows_its_date_alone() {
    let key = SigningKey::derive(&credentials(), date!(2026 - 11 - 04), "auto");
    assert_eq!(format!("{key:?}"), "SigningKey { date: 2026-11-04, .. }");
}

#[test]
fn debug_of_signers_and_signed_requests_masks_secret_token_and_signature() {
    let endpoint = Endpoint::new("https://s3.example", "bucket", AddressingStyle::Path).unwrap();
    let signer = Presigner::new(credentials(), "auto", endpoint);
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    assert_masked(&format!("{signer:?}"));
    assert_masked(&format!("{batch:?}"));
    let signed = batch.sign_headers(Method::Get, "key", &[], &[], PayloadHash::of(b"")).unwrap();
    let printed = format!("{signed:?}");
    assert_masked(&printed);
    assert!(!printed.contains("Signature="), "{printed}");
}

#[test]
fn errors_do_not_repeat_header_values() {
    let endpoint = Endpoint::new("https://s3.example", "bucket", AddressingStyle::Path).unwrap();
    let signer = Presigner::new(credentials(), "auto", endpoint);
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    let refused = batch.presign(Method::Get, "key", &[], &[("a", "token-text\n")], 60).unwrap_err();
    assert_masked(&format!("{refused} {refused:?}"));
}
