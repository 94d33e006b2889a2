//! What the signer refuses to sign.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner, SignError};
use time::macros::datetime;

fn signer() -> Presigner {
    let endpoint = Endpoint::new("https://s3.example", "bucket", AddressingStyle::Path).unwrap();
    Presigner::new(Credentials::new("id", "secret", None), "auto", endpoint)
}

fn presign(query: &[(&str, &str)], headers: &[(&str, &str)], expires_seconds: u32) -> Result<String, SignError> {
    signer().at(datetime!(2026-11-04 12:00 UTC)).presign(Method::Put, "key", query, headers, expires_seconds)
}

#[test]
fn expiry_outside_its_bounds_is_refused() {
    for seconds in [0, 604_801, u32::MAX] {
        assert_eq!(presign(&[], &[], seconds), Err(SignError::Expiry { seconds }));
    }
    for seconds in [1, 9, 10, 604_800] {
        let url = presign(&[], &[], seconds).unwrap();
        assert!(url.contains(&format!("&X-Amz-Expires={seconds}&")), "{url}");
    }
}

#[test]
fn header_name_that_is_not_a_lower_case_token_is_refused() {
    for name in ["", "Content-Type", "a b", "a:b", "a\nb", "ü"] {
        assert_eq!(presign(&[], &[(name, "v")], 60), Err(SignError::HeaderName { name: name.to_owned() }));
    }
}

#[test]
fn header_value_that_would_add_a_line_is_refused() {
    for value in ["a\nx-amz-acl:public-read", "a\r", "\0", "ü", "\u{7f}"] {
        assert_eq!(presign(&[], &[("a", value)], 60), Err(SignError::HeaderValue { name: "a".to_owned() }));
    }
}

#[test]
fn host_comes_from_the_endpoint_alone() {
    assert_eq!(presign(&[], &[("host", "elsewhere.example")], 60), Err(SignError::ReservedHeader { name: "host".to_owned() }));
}

#[test]
fn query_parameter_of_the_signature_is_refused_in_any_case() {
    for name in ["X-Amz-Expires", "x-amz-signature", "X-AMZ-Copy-Source", "x-amz-"] {
        assert_eq!(presign(&[(name, "v")], &[], 60), Err(SignError::ReservedQuery { name: name.to_owned() }));
    }
    assert!(presign(&[("x-amz", "v"), ("é-amz-a", "v"), ("x-id", "v")], &[], 60).is_ok());
}

#[test]
fn headers_of_the_signer_are_refused_in_header_form() {
    let signer = signer();
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    for name in ["authorization", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"] {
        let refused = batch.sign_headers(Method::Get, "key", &[], &[(name, "v")], PayloadHash::Unsigned);
        assert_eq!(refused, Err(SignError::ReservedHeader { name: name.to_owned() }));
    }
}

#[test]
fn credentials_that_would_add_a_header_line_are_refused_in_header_form() {
    let endpoint = Endpoint::new("https://s3.example", "bucket", AddressingStyle::Path).unwrap();
    for credentials in [Credentials::new("id\r\nx: y", "secret", None), Credentials::new("id", "secret", Some("a\nb".to_owned()))]
    {
        let signer = Presigner::new(credentials, "auto", endpoint.clone());
        let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
        let refused = batch.sign_headers(Method::Get, "key", &[], &[], PayloadHash::Unsigned);
        assert!(matches!(refused, Err(SignError::HeaderValue { .. })), "{refused:?}");
    }
}
