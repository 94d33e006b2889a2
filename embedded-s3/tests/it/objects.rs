//! PUT, GET, HEAD, DELETE, ranges, and buckets.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::OffsetDateTime;

use crate::server::{ADMIN, SECRET, Server, sha256};

#[tokio::test]
async fn an_object_is_answered_as_it_was_put() {
    let server = Server::start().await;
    let client = server.client();
    let headers = [
        ("cache-control", "max-age=60"),
        ("content-disposition", "attachment"),
        ("content-type", "text/plain"),
        ("x-amz-meta-kind", "note"),
    ];
    let put = client.put_if("a.txt", b"hello world", &headers).await.expect(200);
    assert_eq!(put.header("etag"), "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    for answer in [client.get("a.txt").await.expect(200), client.head("a.txt").await.expect(200)] {
        assert_eq!(answer.header("etag"), put.header("etag"));
        assert_eq!(answer.header("content-length"), "11");
        for (name, value) in headers {
            assert_eq!(answer.header(name), value);
        }
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert!(answer.headers.contains_key("last-modified"));
        assert!(answer.headers.contains_key("date"));
    }
    assert_eq!(client.get("a.txt").await.body, b"hello world");
    assert!(client.head("a.txt").await.body.is_empty());
}

#[tokio::test]
async fn an_overwrite_replaces_body_and_metadata() {
    let server = Server::start().await;
    let client = server.client();
    client.put_if("a", b"first", &[("x-amz-meta-old", "1")]).await.expect(200);
    client.put("a", b"second").await.expect(200);
    let answer = client.get("a").await.expect(200);
    assert_eq!(answer.body, b"second");
    assert!(!answer.headers.contains_key("x-amz-meta-old"));
    assert_eq!(server.store.objects("family").unwrap().len(), 1);
    assert_eq!(server.store.read("family", "a").unwrap(), b"second");
    server.stop().await;
}

#[tokio::test]
async fn delete_is_idempotent() {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", b"1").await.expect(200);
    client.delete("a").await.expect(204);
    client.delete("a").await.expect(204);
    client.get("a").await.expect_error(404, "NoSuchKey");
    client.head("a").await.expect(404);
}

#[tokio::test]
async fn empty_nested_and_slash_ending_keys_are_objects_of_their_own() {
    let server = Server::start().await;
    let client = server.client();
    for (key, body) in [("a", "1"), ("a/b", "2"), ("a/", "3"), ("empty", "")] {
        client.put(key, body.as_bytes()).await.expect(200);
    }
    for (key, body) in [("a", "1"), ("a/b", "2"), ("a/", "3"), ("empty", "")] {
        assert_eq!(client.get(key).await.expect(200).body, body.as_bytes(), "{key}");
    }
}

#[tokio::test]
async fn odd_keys_come_back_by_header_and_by_url() {
    let server = Server::start().await;
    let client = server.client();
    let odd = [
        "sp ace",
        "plus+plus",
        "per%25cent%",
        "eq=amp&x",
        "uni-äöü-日本語-🚀",
        "quote'\"`",
        "semi;colon:at@",
        "a//b",
        "tilde~(paren)!*",
    ];
    for key in odd.iter().chain(&["back\\slash", "question?mark#hash", "\u{301}comb", "trailing. ", "UPPER"]) {
        client.put(key, key.as_bytes()).await.expect(200);
        assert_eq!(client.get(key).await.expect(200).body, key.as_bytes(), "{key}");
        let url = client.presign(Method::Get, key, &[]);
        assert_eq!(client.raw::<&str, &str>(Method::Get, &url, &[], b"").await.expect(200).body, key.as_bytes(), "{key}");
        assert!(server.store.read("family", key).is_ok(), "{key}");
    }
}

#[tokio::test]
async fn keys_take_1024_bytes_and_no_nul() {
    let server = Server::start().await;
    let client = server.client();
    let longest = "é".repeat(512);
    client.put(&longest, b"1").await.expect(200);
    assert_eq!(client.get(&longest).await.expect(200).body, b"1");
    client.put(&"k".repeat(1025), b"1").await.expect_error(400, "KeyTooLongError");
    client.put("a\0b", b"1").await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn ranges_are_cut_exactly() {
    let server = Server::start().await;
    let client = server.client();
    let body: Vec<u8> = (0..100).collect();
    client.put("r", &body).await.expect(200);
    let table = [
        ("bytes=10-19", 10..20),
        ("bytes=-5", 95..100),
        ("bytes=90-", 90..100),
        ("bytes=90-500", 90..100),
        ("bytes=-500", 0..100),
    ];
    for (range, cut) in table {
        let answer = client.get_if("r", &[("range", range)]).await.expect(206);
        assert_eq!(answer.body, body[cut.clone()], "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {}-{}/100", cut.start, cut.end - 1));
    }
    let outside = client.get_if("r", &[("range", "bytes=200-300")]).await.expect_error(416, "InvalidRange");
    assert_eq!(outside.header("content-range"), "bytes */100");
}

#[tokio::test]
async fn large_bodies_are_streamed_in_both_directions() {
    let server = Server::start().await;
    let client = server.client();
    let body: Vec<u8> = (0..5_000_000_u32).flat_map(|n| (n % 251).to_le_bytes()).take(5_000_000).collect();
    let checksum = sha256(&body);
    client.put_if("large", &body, &[("x-amz-checksum-sha256", &checksum)]).await.expect(200);
    assert!(client.get("large").await.expect(200).body == body);
    let part = client.get_if("large", &[("range", "bytes=1000000-1999999")]).await.expect(206);
    assert!(part.body == body[1_000_000..2_000_000]);
}

#[tokio::test]
async fn the_checksum_is_answered_when_asked_for() {
    let server = Server::start().await;
    let client = server.client();
    client.put("a", b"body").await.expect(200);
    let asked = [("x-amz-checksum-mode", "ENABLED")];
    assert_eq!(client.get_if("a", &asked).await.header("x-amz-checksum-sha256"), sha256(b"body"));
    assert_eq!(client.send(Method::Head, "a", &[], &asked, b"").await.header("x-amz-checksum-sha256"), sha256(b"body"));
    assert_eq!(client.get("a").await.header("x-amz-checksum-sha256"), "");
    let part = client.get_if("a", &[("range", "bytes=0-1"), asked[0]]).await.expect(206);
    assert_eq!(part.header("x-amz-checksum-sha256"), "");
}

#[tokio::test]
async fn buckets_are_made_once_headed_and_listed() {
    let server = Server::start().await;
    let client = server.client();
    client.send(Method::Head, "", &[], &[], b"").await.expect(200);
    client.send(Method::Put, "", &[], &[], b"").await.expect_error(409, "BucketAlreadyOwnedByYou");
    server.store.create_bucket("second").unwrap();
    server.store.create_bucket("second").unwrap();
    assert!(server.store.create_bucket("Not_A_Name").is_err());

    // The root of the host is what a virtual-host bucket URL looks like without its host.
    let endpoint = Endpoint::new(&server.base.replace("127.0.0.1", "localhost"), "family", AddressingStyle::VirtualHost).unwrap();
    let host = endpoint.host().to_owned();
    let signer = Presigner::new(Credentials::new(ADMIN, SECRET, None), "us-east-1", endpoint);
    let signed = signer.at(OffsetDateTime::now_utc()).sign_headers(Method::Get, "", &[], &[], PayloadHash::of(b"")).unwrap();
    let mut headers = signed.headers;
    headers.push(("host".to_owned(), host));
    let listed = client.raw(Method::Get, &format!("{}/", server.base), &headers, b"").await.expect(200);
    assert_eq!(listed.elements("Name"), ["family", "second"]);
}

#[tokio::test]
async fn a_missing_bucket_is_named_as_such() {
    let server = Server::start().await;
    let endpoint = Endpoint::new(&server.base, "nowhere", AddressingStyle::Path).unwrap();
    let mut client = server.client();
    client.signer = Presigner::new(Credentials::new(ADMIN, SECRET, None), "us-east-1", endpoint).into();
    client.get("a").await.expect_error(404, "NoSuchBucket");
    client.put("a", b"1").await.expect_error(404, "NoSuchBucket");
    client.delete("a").await.expect_error(404, "NoSuchBucket");
    client.list(&[]).await.expect_error(404, "NoSuchBucket");
    client.send(Method::Head, "", &[], &[], b"").await.expect(404);
}

#[tokio::test]
async fn what_is_not_supported_is_refused_and_never_ignored() {
    let server = Server::start().await;
    let client = server.client();
    for (name, value, status) in [
        ("x-amz-acl", "public-read", 400),
        ("x-amz-storage-class", "GLACIER", 400),
        ("x-amz-server-side-encryption", "AES256", 501),
        ("x-amz-tagging", "a=b", 501),
        ("x-amz-grant-read", "id=1", 501),
        ("x-amz-website-redirect-location", "/x", 501),
    ] {
        client.put_if("a", b"1", &[(name, value)]).await.expect(status);
    }
    client.send(Method::Put, "a", &[("acl", "")], &[], b"").await.expect(501);
    client.get("a").await.expect(404);
}
