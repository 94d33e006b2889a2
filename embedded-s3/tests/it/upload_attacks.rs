//! Uploads in parts, tried by somebody who wants what is not theirs or not so.

use std::sync::Arc;

use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;
use time::OffsetDateTime;

use crate::server::{S3Client, SECRET, Server, sha256};
use crate::uploads::{PART, abort, complete, completion, composite, create, list_parts, put_part};

fn keys() -> Vec<AccessKey> {
    let rule = |actions: &[Action], prefix: &str| vec![Rule::new(actions, prefix)];
    vec![
        AccessKey::new("writer", SECRET, rule(&[Action::PutObject], "users/a/")),
        AccessKey::new("reader", SECRET, rule(&[Action::GetObject, Action::ListBucket], "users/a/")),
        AccessKey::new("stranger", SECRET, rule(&Action::ALL, "users/b/")),
    ]
}

/// A URL that allows one PUT of a part with this hash, as the broker signs it.
fn part_url(client: &S3Client, key: &str, upload: &str, number: &str, bytes: &[u8]) -> (String, Vec<(String, String)>) {
    let (length, hash) = (bytes.len().to_string(), sha256(bytes));
    let headers = [
        ("content-length", length.as_str()),
        ("content-type", "application/octet-stream"),
        ("x-amz-checksum-sha256", hash.as_str()),
    ];
    let query = [("partNumber", number), ("uploadId", upload)];
    let url = client.signer.at(OffsetDateTime::now_utc()).presign(Method::Put, key, &query, &headers, 300).unwrap();
    // The length is sent by the HTTP client.
    (url, headers[1..].iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

#[tokio::test]
async fn an_upload_id_opens_nothing_but_its_own_key() {
    let server = Server::start_with(keys(), Clock::system()).await;
    let (admin, stranger) = (server.client(), server.client_of("stranger"));
    let upload = create(&admin, "users/a/x").await;
    put_part(&admin, "users/a/x", &upload, 1, b"mine").await.expect(200);
    let xml = completion(&[(1, b"mine")]);
    for client in [&admin, &stranger] {
        put_part(client, "users/b/x", &upload, 1, b"theirs").await.expect_error(404, "NoSuchUpload");
        list_parts(client, "users/b/x", &upload, &[]).await.expect_error(404, "NoSuchUpload");
        complete(client, "users/b/x", &upload, &xml, &[]).await.expect_error(404, "NoSuchUpload");
        abort(client, "users/b/x", &upload).await.expect_error(404, "NoSuchUpload");
        put_part(client, "users/a/x/", &upload, 1, b"theirs").await.expect(if std::ptr::eq(client, &admin) { 404 } else { 403 });
    }
    put_part(&stranger, "users/a/x", &upload, 1, b"theirs").await.expect_error(403, "AccessDenied");
    complete(&stranger, "users/a/x", &upload, &xml, &[]).await.expect_error(403, "AccessDenied");
    abort(&stranger, "users/a/x", &upload).await.expect_error(403, "AccessDenied");
    list_parts(&stranger, "users/a/x", &upload, &[]).await.expect_error(403, "AccessDenied");
    stranger.send(Method::Get, "", &[("uploads", "")], &[], b"").await.expect_error(403, "AccessDenied");
    stranger.send(Method::Get, "", &[("uploads", ""), ("prefix", "users/a/")], &[], b"").await.expect_error(403, "AccessDenied");
    stranger.send(Method::Get, "", &[("uploads", ""), ("prefix", "users/b/")], &[], b"").await.expect(200);
    complete(&admin, "users/a/x", &upload, &xml, &[]).await.expect(200);
    assert_eq!(admin.get("users/a/x").await.expect(200).body, b"mine");
}

#[tokio::test]
async fn who_only_writes_neither_lists_nor_aborts() {
    let server = Server::start_with(keys(), Clock::system()).await;
    let (writer, reader) = (server.client_of("writer"), server.client_of("reader"));
    let upload = create(&writer, "users/a/x").await;
    put_part(&writer, "users/a/x", &upload, 1, b"1").await.expect(200);
    list_parts(&writer, "users/a/x", &upload, &[]).await.expect_error(403, "AccessDenied");
    abort(&writer, "users/a/x", &upload).await.expect_error(403, "AccessDenied");
    assert_eq!(list_parts(&reader, "users/a/x", &upload, &[]).await.expect(200).elements("PartNumber"), ["1"]);
    put_part(&reader, "users/a/x", &upload, 2, b"1").await.expect_error(403, "AccessDenied");
    reader.send(Method::Post, "users/a/x", &[("uploads", "")], &[], b"").await.expect_error(403, "AccessDenied");
    complete(&reader, "users/a/x", &upload, &completion(&[(1, b"1")]), &[]).await.expect_error(403, "AccessDenied");
    complete(&writer, "users/a/x", &upload, &completion(&[(1, b"1")]), &[]).await.expect(200);
}

#[tokio::test]
async fn a_part_url_takes_its_bytes_at_its_place_and_nothing_else() {
    let server = Server::start().await;
    let client = server.client();
    let upload = create(&client, "a").await;
    let other = create(&client, "a").await;
    let bytes = b"sealed bytes of a part".as_slice();
    let (url, headers) = part_url(&client, "a", &upload, "2", bytes);
    let put = async |url: &str, headers: &[(String, String)], body: &[u8]| client.raw(Method::Put, url, headers, body).await;

    put(&url, &headers, b"Sealed bytes of a part").await.expect_error(400, "BadDigest");
    put(&url, &headers, b"longer than what was signed for").await.expect_error(403, "SignatureDoesNotMatch");
    put(&url, &headers[..1], bytes).await.expect_error(403, "AccessDenied");
    put(&url.replace("partNumber=2", "partNumber=1"), &headers, bytes).await.expect_error(403, "SignatureDoesNotMatch");
    put(&url.replace(&upload, &other), &headers, bytes).await.expect_error(403, "SignatureDoesNotMatch");
    put(&url.replace("&partNumber=2", ""), &headers, bytes).await.expect(403);
    put(&format!("{url}&x-id=UploadPart"), &headers, bytes).await.expect_error(403, "SignatureDoesNotMatch");
    for extra in ["x-amz-copy-source", "x-amz-copy-source-range", "x-amz-acl", "x-amz-tagging", "x-minio-force-delete"] {
        let mut more = headers.clone();
        more.push((extra.to_owned(), "family/secret".to_owned()));
        put(&url, &more, bytes).await.expect_error(403, "AccessDenied");
    }
    client.raw(Method::Get, &url, &headers, b"").await.expect(403);
    client.raw(Method::Post, &url, &headers, completion(&[(2, bytes)]).as_bytes()).await.expect(403);
    client.raw(Method::Delete, &url, &headers, b"").await.expect(403);
    assert!(list_parts(&client, "a", &upload, &[]).await.expect(200).elements("PartNumber").is_empty());

    put(&url, &headers, bytes).await.expect(200);
    put(&url, &headers, bytes).await.expect(200);
    complete(&client, "a", &upload, &completion(&[(2, bytes)]), &[]).await.expect(200);
    put(&url, &headers, bytes).await.expect_error(404, "NoSuchUpload");
    assert_eq!(client.get("a").await.expect(200).body, bytes);
}

#[tokio::test]
async fn part_numbers_are_1_to_10000() {
    let server = Server::start().await;
    let client = server.client();
    let upload = create(&client, "a").await;
    for (number, status) in [("0", 400), ("10001", 400), ("-1", 400), ("x", 400), ("4294967297", 400), ("10000", 200), ("1", 200)]
    {
        let (url, headers) = part_url(&client, "a", &upload, number, b"1");
        let answer = client.raw(Method::Put, &url, &headers, b"1").await;
        assert_eq!(answer.status, status, "{number}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_completion_makes_what_its_parts_and_checksums_say_or_nothing() {
    let server = Server::start().await;
    let client = server.client();
    let (one, two) = (vec![1; PART], vec![2; PART]);
    let upload = create(&client, "a").await;
    put_part(&client, "a", &upload, 1, &one).await.expect(200);
    put_part(&client, "a", &upload, 2, &two).await.expect(200);
    put_part(&client, "a", &upload, 3, b"small").await.expect(200);
    put_part(&client, "a", &upload, 4, b"tail").await.expect(200);
    let tail = b"tail".as_slice();
    let whole = completion(&[(1, &one), (2, &two), (4, tail)]);
    let attempt = async |xml: &str, headers: &[(&str, &str)]| {
        let answer = complete(&client, "a", &upload, xml, headers).await;
        (answer.status.as_u16(), answer.code())
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());

    assert_eq!(attempt(&completion(&[(1, &two), (2, &one), (4, tail)]), &[]).await, refused(400, "InvalidPart"));
    assert_eq!(attempt(&completion(&[(2, &two), (1, &one), (4, tail)]), &[]).await, refused(400, "InvalidPartOrder"));
    assert_eq!(attempt(&completion(&[(1, &one), (1, &one)]), &[]).await, refused(400, "InvalidPartOrder"));
    assert_eq!(attempt(&completion(&[(1, &one), (5, tail)]), &[]).await, refused(400, "InvalidPart"));
    assert_eq!(attempt(&completion(&[(1, &one), (3, b"small"), (4, tail)]), &[]).await, refused(400, "EntityTooSmall"));
    assert_eq!(attempt(&completion(&[]), &[]).await, refused(400, "MalformedXML"));
    assert_eq!(attempt("<CompleteMultipartUpload>", &[]).await, refused(400, "MalformedXML"));
    let wrong_hash = whole.replace(&sha256(&two), &sha256(&one));
    assert_eq!(attempt(&wrong_hash, &[]).await, refused(400, "InvalidPart"));
    let subset = composite(&[&one, &two]);
    assert_eq!(attempt(&whole, &[("x-amz-checksum-sha256", subset.as_str())]).await, refused(400, "BadDigest"));
    assert_eq!(attempt(&whole, &[("x-amz-mp-object-size", "1")]).await, refused(400, "BadDigest"));
    assert_eq!(attempt(&whole, &[("x-amz-checksum-crc32", "AAAAAA==")]).await, refused(400, "InvalidRequest"));
    assert_eq!(attempt(&whole, &[("x-amz-checksum-type", "FULL_OBJECT")]).await, refused(400, "InvalidRequest"));
    client.put("a", b"there already").await.expect(200);
    assert_eq!(attempt(&whole, &[("if-none-match", "*")]).await, refused(412, "PreconditionFailed"));
    assert_eq!(client.get("a").await.expect(200).body, b"there already");
    client.delete("a").await.expect(204);

    let right = composite(&[&one, &two, tail]);
    assert_eq!(attempt(&whole, &[("if-none-match", "*"), ("x-amz-checksum-sha256", right.as_str())]).await.0, 200);
    assert_eq!(attempt(&completion(&[(1, &one), (2, &two)]), &[]).await, refused(404, "NoSuchUpload"));
    abort(&client, "a", &upload).await.expect_error(404, "NoSuchUpload");
    list_parts(&client, "a", &upload, &[]).await.expect_error(404, "NoSuchUpload");
    assert_eq!(client.get("a").await.expect(200).body.len(), 2 * PART + 4);
    // Once the object is another, the old completion is not true any more.
    client.put("a", b"another").await.expect(200);
    assert_eq!(attempt(&whole, &[]).await, refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn of_racing_completions_of_one_key_one_wins() {
    let server = Server::start().await;
    let client = Arc::new(server.client());
    let mut tasks = Vec::new();
    for turn in 0..12_u8 {
        let client = Arc::clone(&client);
        let upload = create(&client, "a").await;
        put_part(&client, "a", &upload, 1, &[turn; 100]).await.expect(200);
        tasks.push(tokio::spawn(async move {
            complete(&client, "a", &upload, &completion(&[(1, &[turn; 100])]), &[("if-none-match", "*")]).await.status.as_u16()
        }));
    }
    let mut winners = Vec::new();
    for (turn, task) in (0_u8..).zip(tasks) {
        match task.await.unwrap() {
            200 => winners.push(turn),
            status => assert_eq!(status, 412),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(client.get("a").await.expect(200).body, vec![winners[0]; 100]);
}

#[tokio::test]
async fn an_upload_begins_with_a_checksum_that_can_be_had_or_not_at_all() {
    let server = Server::start().await;
    let client = server.client();
    let attempt =
        async |headers: &[(&str, &str)]| client.send(Method::Post, "a", &[("uploads", "")], headers, b"").await.status.as_u16();
    let asked = async |algorithm: &str, kind: &str| {
        attempt(&[("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)]).await
    };
    assert_eq!(asked("CRC32", "FULL_OBJECT").await, 200);
    assert_eq!(asked("CRC32", "COMPOSITE").await, 200);
    assert_eq!(asked("SHA256", "COMPOSITE").await, 200);
    assert_eq!(asked("SHA256", "FULL_OBJECT").await, 400);
    assert_eq!(asked("CRC64NVME", "COMPOSITE").await, 400);
    assert_eq!(asked("CRC32", "ANOTHER").await, 400);
    assert_eq!(asked("CRC16", "COMPOSITE").await, 400);
    assert_eq!(attempt(&[("x-amz-checksum-type", "COMPOSITE")]).await, 400);
    assert_eq!(attempt(&[("x-amz-checksum-algorithm", "CRC64NVME")]).await, 200);
    assert_eq!(attempt(&[("x-amz-acl", "public-read")]).await, 400);
    assert_eq!(attempt(&[("x-amz-tagging", "a=b")]).await, 501);
    assert_eq!(attempt(&[("x-amz-server-side-encryption", "AES256")]).await, 501);
}
