//! Requests that must not come in: anonymous, old, tampered, and those with headers that nobody signed.

use tidegate_sigv4::Method;
use time::{Duration, OffsetDateTime};

use crate::server::{S3Client, SECRET, Server};

const NO_HEADERS: [(&str, &str); 0] = [];

async fn with_an_object() -> (Server, S3Client) {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", b"secret").await.expect(200);
    client.put("b", b"other secret").await.expect(200);
    (server, client)
}

#[tokio::test]
async fn anonymous_requests_are_denied() {
    let (server, client) = with_an_object().await;
    let object = format!("{}/family/a", server.base);
    for (method, url) in [
        (Method::Get, object.clone()),
        (Method::Head, object.clone()),
        (Method::Put, object.clone()),
        (Method::Delete, object.clone()),
        (Method::Post, object.clone()),
        (Method::Get, format!("{}/family?list-type=2", server.base)),
        (Method::Get, format!("{}/", server.base)),
    ] {
        client.raw(method, &url, &NO_HEADERS, b"").await.expect(403);
    }
    assert_eq!(client.get("a").await.body, b"secret");
}

#[tokio::test]
async fn signature_version_2_is_denied_in_both_forms() {
    let (server, client) = with_an_object().await;
    let presigned = format!("{}/family/a?AWSAccessKeyId=admin&Expires=9999999999&Signature=c2ln", server.base);
    client.raw(Method::Get, &presigned, &NO_HEADERS, b"").await.expect_error(403, "AccessDenied");
    let headers = [("authorization", "AWS admin:c2ln"), ("date", "Sat, 21 Nov 2026 10:00:00 GMT")];
    client.raw(Method::Get, &format!("{}/family/a", server.base), &headers, b"").await.expect_error(403, "AccessDenied");
    // A good version 4 URL with a version 2 signature beside it must not fall back.
    let both = format!("{}&Signature=c2ln", client.presign(Method::Get, "a", &[]));
    client.raw(Method::Get, &both, &NO_HEADERS, b"").await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_url_lives_as_long_as_it_says_and_at_most_7_days() {
    let (_server, client) = with_an_object().await;
    let now = OffsetDateTime::now_utc();
    let signed_at = |time: OffsetDateTime, life: u32| client.signer.at(time).presign(Method::Get, "a", &[], &[], life).unwrap();
    let get = async |url: &str| client.raw(Method::Get, url, &NO_HEADERS, b"").await;
    get(&signed_at(now, 604_800)).await.expect(200);
    get(&signed_at(now - Duration::days(6), 604_800)).await.expect(200);
    get(&signed_at(now - Duration::seconds(120), 60)).await.expect_error(403, "AccessDenied");
    get(&signed_at(now + Duration::hours(1), 60)).await.expect_error(403, "RequestTimeTooSkewed");
    let longer = signed_at(now, 604_800).replace("604800", "604801");
    get(&longer).await.expect_error(400, "AuthorizationQueryParametersError");
    let stretched = signed_at(now - Duration::seconds(120), 60).replace("X-Amz-Expires=60", "X-Amz-Expires=900");
    get(&stretched).await.expect_error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_signed_header_request_is_good_for_15_minutes() {
    let (_server, client) = with_an_object().await;
    let now = OffsetDateTime::now_utc();
    for (time, status) in
        [(now - Duration::minutes(14), 200), (now - Duration::minutes(16), 403), (now + Duration::minutes(16), 403)]
    {
        let payload = tidegate_sigv4::PayloadHash::of(b"");
        let signed = client.signer.at(time).sign_headers(Method::Get, "a", &[], &[], payload).unwrap();
        client.raw(Method::Get, &signed.url, &signed.headers, b"").await.expect(status);
    }
}

#[tokio::test]
async fn a_tampered_url_is_denied() {
    let (server, client) = with_an_object().await;
    let url = client.presign(Method::Get, "a", &[]);
    let mismatch = "SignatureDoesNotMatch";
    client.raw(Method::Get, &url, &NO_HEADERS, b"").await.expect(200);
    client.raw(Method::Get, &url.replace("/family/a?", "/family/b?"), &NO_HEADERS, b"").await.expect_error(403, mismatch);
    client.raw(Method::Put, &url, &NO_HEADERS, b"evil").await.expect_error(403, mismatch);
    client.raw(Method::Delete, &url, &NO_HEADERS, b"").await.expect_error(403, mismatch);
    client.raw(Method::Head, &url, &NO_HEADERS, b"").await.expect(403);
    client
        .raw(Method::Get, &format!("{url}&response-content-type=text%2Fhtml"), &NO_HEADERS, b"")
        .await
        .expect_error(403, mismatch);
    client.raw(Method::Get, &url[..url.len() - 1], &NO_HEADERS, b"").await.expect_error(400, "InvalidRequest");
    let last = if url.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{last}", &url[..url.len() - 1]);
    client.raw(Method::Get, &changed, &NO_HEADERS, b"").await.expect_error(403, mismatch);
    client.raw(Method::Get, &url, &[("host", "elsewhere.example")], b"").await.expect_error(403, mismatch);
    client.raw(Method::Get, &format!("{url}&X-Amz-Expires=300"), &NO_HEADERS, b"").await.expect_error(400, "InvalidArgument");
    assert_eq!(server.store.objects("family").unwrap().len(), 2);
    assert_eq!(server.store.read("family", "a").unwrap(), b"secret");
}

#[tokio::test]
async fn a_tampered_list_is_denied() {
    let (_server, client) = with_an_object().await;
    let url =
        client.signer.at(OffsetDateTime::now_utc()).presign_list(&[("list-type", "2"), ("prefix", "users/1/")], 60).unwrap();
    client.raw(Method::Get, &url, &NO_HEADERS, b"").await.expect(200);
    let other = url.replace("users%2F1%2F", "users%2F2%2F");
    assert_ne!(other, url);
    client.raw(Method::Get, &other, &NO_HEADERS, b"").await.expect_error(403, "SignatureDoesNotMatch");
    let dropped = url.replace("&prefix=users%2F1%2F", "");
    assert_ne!(dropped, url);
    client.raw(Method::Get, &dropped, &NO_HEADERS, b"").await.expect_error(403, "SignatureDoesNotMatch");
    client.raw(Method::Get, &format!("{url}&prefix="), &NO_HEADERS, b"").await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn headers_of_the_vendors_that_nobody_signed_are_denied_by_name() {
    let (server, client) = with_an_object().await;
    let unsigned = [
        ("x-amz-copy-source", "/family/b"),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-note", "1"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-minio-force-delete", "true"),
    ];
    for header in unsigned {
        for method in [Method::Put, Method::Delete, Method::Get] {
            let url = client.presign(method, "a", &[]);
            let refused = client.raw(method, &url, &[header], b"").await.expect_error(403, "AccessDenied");
            assert!(refused.elements("Message")[0].contains(header.0), "{}", refused.text());
        }
        if header.0 != "x-amz-content-sha256" {
            let payload = tidegate_sigv4::PayloadHash::of(b"");
            let signed = client.signer.at(OffsetDateTime::now_utc()).sign_headers(Method::Put, "a", &[], &[], payload).unwrap();
            let mut headers = signed.headers;
            headers.push((header.0.to_owned(), header.1.to_owned()));
            client.raw(Method::Put, &signed.url, &headers, b"").await.expect_error(403, "AccessDenied");
        }
    }
    assert_eq!(server.store.read("family", "a").unwrap(), b"secret");
    assert_eq!(server.store.objects("family").unwrap().len(), 2);
}

#[tokio::test]
async fn a_signed_header_that_comes_twice_is_denied() {
    let (server, client) = with_an_object().await;
    let url = client.presign(Method::Put, "a", &[("if-none-match", "*")]);
    let twice = [("if-none-match", "*"), ("if-none-match", "\"x\"")];
    client.raw(Method::Put, &url, &twice, b"evil").await.expect_error(403, "AccessDenied");
    assert_eq!(server.store.read("family", "a").unwrap(), b"secret");
}

#[tokio::test]
async fn wrong_secrets_unknown_keys_and_other_regions_are_denied() {
    let (server, _) = with_an_object().await;
    let wrong = S3Client::new(&server.base, "admin", "a-wrong-secret", "us-east-1");
    wrong.get("a").await.expect_error(403, "SignatureDoesNotMatch");
    let unknown = S3Client::new(&server.base, "nobody", SECRET, "us-east-1");
    unknown.get("a").await.expect_error(403, "InvalidAccessKeyId");
    let elsewhere = S3Client::new(&server.base, "admin", SECRET, "eu-west-1");
    elsewhere.get("a").await.expect_error(400, "AuthorizationHeaderMalformed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let keys = vec![tidegate_embedded_s3::AccessKey::new("nobody", SECRET, vec![])];
    let server = Server::start_with(keys, tidegate_embedded_s3::Clock::system()).await;
    let client = server.client();
    let large = vec![1; 8 << 20];
    let url = client.presign(Method::Put, "a", &[]);
    let tampered = url.replace("/family/a?", "/family/b?");
    let unsigned = [("x-amz-acl", "private")];
    for _ in 0..5 {
        client.raw(Method::Put, &tampered, &NO_HEADERS, &large).await.expect_error(403, "SignatureDoesNotMatch");
        client.raw(Method::Put, &url, &unsigned, &large).await.expect_error(403, "AccessDenied");
        server.client_of("nobody").put("a", &large).await.expect_error(403, "AccessDenied");
    }
    client.put("a", b"1").await.expect(200);
}
