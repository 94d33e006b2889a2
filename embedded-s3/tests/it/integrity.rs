//! A body that is not what was announced never becomes visible.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_sigv4::Method;

use crate::server::{S3Client, Server, sha256};

async fn assert_invisible(server: &Server, client: &S3Client) {
    assert_eq!(client.get("kept").await.expect(200).body, b"ORIGINAL");
    client.head("new").await.expect(404);
    assert_eq!(server.store.objects("family").unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(server.home().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_fit_its_digest_is_refused_and_invisible() {
    let server = Server::start().await;
    let client = server.client();
    client.put("kept", b"ORIGINAL").await.expect(200);
    let wrong_sha256 = sha256(b"other");
    let wrong_md5 = STANDARD.encode([0; 16]);
    for (name, value, code) in [
        ("x-amz-checksum-sha256", wrong_sha256.as_str(), "BadDigest"),
        ("content-md5", wrong_md5.as_str(), "BadDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-sha256", "AAAA", "InvalidDigest"),
        ("content-md5", "not base64", "InvalidDigest"),
    ] {
        for key in ["kept", "new"] {
            for body in [b"0123456789".to_vec(), vec![1; 700_000]] {
                client.put_if(key, &body, &[(name, value)]).await.expect_error(400, code);
            }
        }
    }
    assert_invisible(&server, &client).await;
}

#[tokio::test]
async fn right_digests_of_every_kind_are_accepted() {
    let server = Server::start().await;
    let client = server.client();
    let sha256 = sha256(b"abc");
    for (name, value) in [
        ("x-amz-checksum-sha256", sha256.as_str()),
        ("content-md5", "kAFQmDzST7DWlj99KOF/cg=="),
        ("x-amz-checksum-crc32", "NSRBwg=="),
        ("x-amz-checksum-crc32c", "Nks/tw=="),
        ("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
    ] {
        client.put_if("a", b"abc", &[(name, value)]).await.expect(200);
    }
}

#[tokio::test]
async fn a_body_other_than_the_signed_one_is_refused_and_invisible() {
    let server = Server::start().await;
    let client = server.client();
    client.put("kept", b"ORIGINAL").await.expect(200);
    for size in [10, 700_000] {
        let (signed_body, sent) = (vec![1_u8; size], vec![2_u8; size]);
        for key in ["kept", "new"] {
            let payload = tidegate_sigv4::PayloadHash::of(&signed_body);
            let signed =
                client.signer.at(time::OffsetDateTime::now_utc()).sign_headers(Method::Put, key, &[], &[], payload).unwrap();
            client.raw(Method::Put, &signed.url, &signed.headers, &sent).await.expect_error(400, "XAmzContentSHA256Mismatch");
        }
    }
    assert_invisible(&server, &client).await;
}

#[tokio::test]
async fn a_presigned_put_takes_exactly_the_pinned_bytes() {
    let server = Server::start().await;
    let client = server.client();
    client.put("kept", b"ORIGINAL").await.expect(200);
    let (body, checksum) = (b"0123456789", sha256(b"0123456789"));
    let pinned = [
        ("content-length", "10"),
        ("content-type", "application/octet-stream"),
        ("if-none-match", "*"),
        ("x-amz-checksum-sha256", &checksum),
    ];
    let url = client.presign(Method::Put, "new", &pinned);
    let sent = |changes: &[(&'static str, &'static str)], without: &str| {
        let mut headers: Vec<(String, String)> =
            pinned[1..].iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        headers.retain(|(name, _)| name != without);
        headers.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        headers
    };
    let put = async |headers: &[(String, String)], body: &[u8]| client.raw(Method::Put, &url, headers, body).await;

    put(&sent(&[], ""), b"EVIL567890").await.expect_error(400, "BadDigest");
    put(&sent(&[], ""), b"012345678").await.expect_error(403, "SignatureDoesNotMatch");
    put(&sent(&[], ""), b"0123456789ABC").await.expect_error(403, "SignatureDoesNotMatch");
    put(&sent(&[], "x-amz-checksum-sha256"), body).await.expect_error(403, "AccessDenied");
    put(&sent(&[], "if-none-match"), body).await.expect_error(403, "AccessDenied");
    put(&sent(&[], "content-type"), body).await.expect_error(403, "AccessDenied");
    let changed = [("x-amz-checksum-sha256", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=")];
    put(&sent(&changed, "x-amz-checksum-sha256"), body).await.expect_error(403, "SignatureDoesNotMatch");
    put(&sent(&changed, ""), body).await.expect_error(403, "AccessDenied");
    put(&sent(&[("content-type", "text/html")], "content-type"), body).await.expect_error(403, "SignatureDoesNotMatch");
    assert_invisible(&server, &client).await;
    put(&sent(&[], ""), body).await.expect(200);
    put(&sent(&[], ""), body).await.expect_error(412, "PreconditionFailed");
}

#[tokio::test]
async fn a_checksum_in_the_query_is_enforced() {
    let server = Server::start().await;
    let client = server.client();
    let checksum = sha256(b"0123456789");
    let query = [("x-amz-checksum-sha256", checksum.as_str())];
    let payload = tidegate_sigv4::PayloadHash::Unsigned;
    let signed = client.signer.at(time::OffsetDateTime::now_utc()).sign_headers(Method::Put, "a", &query, &[], payload).unwrap();
    client.raw(Method::Put, &signed.url, &signed.headers, b"EVIL567890").await.expect_error(400, "BadDigest");
    client.get("a").await.expect(404);
    client.raw(Method::Put, &signed.url, &signed.headers, b"0123456789").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let client = server.client();
    client.put("kept", b"ORIGINAL").await.expect(200);
    for (announced, sent) in [(1_000, 400), (2_000_000, 900_000)] {
        let url = client.presign(Method::Put, "new", &[]);
        let authority = server.base.strip_prefix("http://").unwrap().to_owned();
        let path = url.strip_prefix(&server.base).unwrap().to_owned();
        let mut stream = std::net::TcpStream::connect(&authority).unwrap();
        write!(stream, "PUT {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {announced}\r\n\r\n").unwrap();
        stream.write_all(&vec![1; sent]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The server hangs up when it has noticed; what it may have answered does not matter.
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    }
    // A piece may still be on its way to the disk.
    for _ in 0..200 {
        if std::fs::read_dir(server.home().join("tmp")).unwrap().count() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_invisible(&server, &client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_a_length_is_refused() {
    let server = Server::start().await;
    let client = server.client();
    let url = client.presign(Method::Put, "new", &[]);
    let authority = server.base.strip_prefix("http://").unwrap().to_owned();
    let path = url.strip_prefix(&server.base).unwrap().to_owned();
    let chunked = "4\r\nbody\r\n0\r\n\r\n";
    let answer =
        exchange(&authority, &format!("PUT {path} HTTP/1.1\r\nHost: {authority}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"));
    assert!(answer.starts_with("HTTP/1.1 411"), "{answer}");
    client.head("new").await.expect(404);
}

/// Sends raw bytes and reads until the answer's head is there.
fn exchange(authority: &str, request: &str) -> String {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
