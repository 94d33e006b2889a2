//! The form of presigned URLs, and the change of days.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, Presigner};
use time::OffsetDateTime;
use time::macros::datetime;

fn signer(session_token: Option<&str>) -> Presigner {
    let endpoint = Endpoint::new("https://s3.example", "bucket", AddressingStyle::Path).unwrap();
    let credentials = Credentials::new("id", "secret", session_token.map(str::to_owned));
    Presigner::new(credentials, "auto", endpoint)
}

fn get(signer: &Presigner, now: OffsetDateTime) -> String {
    signer.at(now).presign(Method::Get, "key", &[], &[], 900).unwrap()
}

fn names(url: &str) -> Vec<&str> {
    let (_, query) = url.split_once('?').unwrap();
    query.split('&').map(|pair| pair.split_once('=').unwrap().0).collect()
}

#[test]
fn a_signer_that_lives_past_midnight_signs_as_a_new_one() {
    let signer = signer(None);
    let evening = datetime!(2026-11-04 23:59:59 UTC);
    let morning = datetime!(2026-11-05 00:00:00 UTC);
    for now in [evening, morning, evening, morning] {
        assert_eq!(get(&signer, now), get(&self::signer(None), now));
    }
}

#[test]
fn the_day_is_that_of_utc() {
    let signer = signer(None);
    let here = datetime!(2026-11-05 00:30 +01:00);
    assert_eq!(get(&signer, here), get(&signer, here.to_offset(time::UtcOffset::UTC)));
    assert!(get(&signer, here).contains("%2F20261104%2F"));
}

#[test]
fn parameters_stand_in_canonical_order_with_the_signature_last() {
    let signer = signer(Some("a/b+c="));
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    let query = [("uploadId", "u"), ("partNumber", "2"), ("Attribute", "x")];
    let headers = [("x-amz-checksum-sha256", "c"), ("content-length", "1")];
    let url = batch.presign(Method::Put, "key", &query, &headers, 900).unwrap();
    assert_eq!(
        names(&url),
        [
            "Attribute",
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-Security-Token",
            "X-Amz-SignedHeaders",
            "partNumber",
            "uploadId",
            "X-Amz-Signature",
        ]
    );
    assert!(url.contains("&X-Amz-Security-Token=a%2Fb%2Bc%3D&"));
    assert!(url.contains("&X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256&"));
}

#[test]
fn a_list_is_a_get_of_the_bucket() {
    let signer = signer(None);
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    let query = [("list-type", "2"), ("prefix", "users/")];
    let list = batch.presign_list(&query, 900).unwrap();
    assert_eq!(list, batch.presign(Method::Get, "", &query, &[], 900).unwrap());
    assert!(list.starts_with("https://s3.example/bucket/?X-Amz-Algorithm="));
    assert!(list.contains("&list-type=2&prefix=users%2F&X-Amz-Signature="));
}

#[test]
fn checksum_mode_is_signed_when_given() {
    let signer = signer(None);
    let batch = signer.at(datetime!(2026-11-04 12:00 UTC));
    let url = batch.presign(Method::Head, "key", &[], &[("x-amz-checksum-mode", "ENABLED")], 900).unwrap();
    assert!(url.contains("&X-Amz-SignedHeaders=host%3Bx-amz-checksum-mode&"));
}

#[test]
fn every_part_of_a_request_changes_the_signature() {
    let signer = signer(None);
    let now = datetime!(2026-11-04 12:00 UTC);
    let batch = signer.at(now);
    let query = [("partNumber", "1")];
    let headers = [("content-length", "1")];
    let urls = [
        batch.presign(Method::Put, "key", &query, &headers, 900),
        batch.presign(Method::Get, "key", &query, &headers, 900),
        batch.presign(Method::Put, "kez", &query, &headers, 900),
        batch.presign(Method::Put, "key", &[("partNumber", "2")], &headers, 900),
        batch.presign(Method::Put, "key", &query, &[("content-length", "2")], 900),
        batch.presign(Method::Put, "key", &query, &[("content-lengti", "1")], 900),
        batch.presign(Method::Put, "key", &query, &headers, 901),
        signer.at(now + time::Duration::SECOND).presign(Method::Put, "key", &query, &headers, 900),
    ];
    let signatures: std::collections::BTreeSet<String> =
        urls.into_iter().map(|url| url.unwrap().rsplit_once('=').unwrap().1.to_owned()).collect();
    assert_eq!(signatures.len(), 8);
}
