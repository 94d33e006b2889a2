//! Copies: what they take along, what they refuse, and who may make them.

use tidegate_embedded_s3::{AccessKey, Action, Clock, Rule};
use tidegate_sigv4::Method;

use crate::server::{Answer, S3Client, SECRET, Server, sha256};
use crate::uploads::{PART, complete, completion, create, put_part};

async fn copy(client: &S3Client, source: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = headers.to_vec();
    all.push(("x-amz-copy-source", source));
    client.send(Method::Put, target, &[], &all, b"").await
}

async fn with_a_source(body: &[u8]) -> (Server, S3Client, String) {
    let server = Server::start().await;
    let client = server.client();
    let headers = [("x-amz-meta-k", "v"), ("content-type", "text/plain")];
    let etag = client.put_if("from", body, &headers).await.expect(200).header("etag").to_owned();
    (server, client, etag)
}

#[tokio::test]
async fn a_copy_is_an_object_of_its_own_with_the_bytes_and_headers_of_its_source() {
    for body in [b"".as_slice(), b"small", &vec![7; 700_000]] {
        let (server, client, etag) = with_a_source(body).await;
        let answer = copy(&client, "/family/from", "to", &[]).await.expect(200);
        assert!(answer.elements("ETag")[0].contains(etag.trim_matches('"')), "{}", answer.text());
        assert_eq!(answer.elements("ChecksumSHA256"), [sha256(body)]);
        assert_eq!(answer.elements("LastModified").len(), 1);
        client.delete("from").await.expect(204);
        let copied = client.get("to").await.expect(200);
        assert!(copied.body == body);
        assert_eq!((copied.header("x-amz-meta-k"), copied.header("content-type")), ("v", "text/plain"));
        assert_eq!(copied.header("etag"), etag);
        drop(server);
    }
}

#[tokio::test]
async fn metadata_is_replaced_where_that_is_asked_for_and_else_an_object_is_not_copied_onto_itself() {
    let (_server, client, _) = with_a_source(b"body").await;
    let replace = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-y", "2")];
    copy(&client, "family/from", "to", &replace).await.expect(200);
    let copied = client.head("to").await.expect(200);
    assert_eq!((copied.header("x-amz-meta-y"), copied.header("x-amz-meta-k")), ("2", ""));
    copy(&client, "/family/from", "from", &[]).await.expect_error(400, "InvalidRequest");
    copy(&client, "/family/from", "from", &replace).await.expect(200);
    assert_eq!(client.get("from").await.expect(200).header("x-amz-meta-y"), "2");
    copy(&client, "/family/from", "to", &[("x-amz-metadata-directive", "MERGE")]).await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn both_sides_of_a_copy_can_be_conditional() {
    let (_server, client, etag) = with_a_source(b"body").await;
    client.put("there", b"old").await.expect(200);
    let other = "\"00000000000000000000000000000000\"";
    for (headers, status) in [
        ([("x-amz-copy-source-if-match", other)], 412),
        ([("x-amz-copy-source-if-none-match", etag.as_str())], 412),
        ([("x-amz-copy-source-if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT")], 412),
        ([("if-none-match", "*")], 412),
        ([("if-match", other)], 412),
        ([("if-none-match", other)], 501),
    ] {
        copy(&client, "/family/from", "there", &headers).await.expect(status);
    }
    assert_eq!(client.get("there").await.body, b"old");
    let right = [("x-amz-copy-source-if-match", etag.as_str()), ("if-none-match", "*")];
    copy(&client, "/family/from", "new", &right).await.expect(200);
    copy(&client, "/family/nothing", "there", &[]).await.expect_error(404, "NoSuchKey");
    copy(&client, "/nowhere-here/from", "there", &[]).await.expect_error(404, "NoSuchBucket");
    copy(&client, "/family/from?versionId=1", "there", &[]).await.expect_error(404, "NoSuchVersion");
}

#[tokio::test]
async fn the_copy_of_an_object_in_parts_is_in_one() {
    let server = Server::start().await;
    let client = server.client();
    let (one, two) = (vec![1; PART], b"tail".as_slice());
    let upload = create(&client, "from").await;
    put_part(&client, "from", &upload, 1, &one).await.expect(200);
    put_part(&client, "from", &upload, 2, two).await.expect(200);
    complete(&client, "from", &upload, &completion(&[(1, &one), (2, two)]), &[]).await.expect(200);
    copy(&client, "/family/from", "to", &[("x-amz-checksum-algorithm", "CRC32")]).await.expect(200);
    let whole = [one.as_slice(), two].concat();
    let copied = client.get_if("to", &[("x-amz-checksum-mode", "ENABLED")]).await.expect(200);
    assert!(copied.body == whole);
    assert!(!copied.header("etag").contains('-'));
    assert_eq!(copied.header("x-amz-checksum-sha256"), sha256(&whole));
    assert_eq!(copied.header("x-amz-checksum-crc32").len(), 8);
}

#[tokio::test]
async fn who_copies_needs_the_right_to_read_the_source_and_to_write_the_target() {
    let both = [Action::GetObject, Action::PutObject];
    let keys = vec![
        AccessKey::new("family", SECRET, vec![Rule::new(both, "users/")]),
        AccessKey::new("writer", SECRET, vec![Rule::new([Action::PutObject], "users/")]),
    ];
    let server = Server::start_with(keys, Clock::system()).await;
    server.client().put("users/a", b"1").await.expect(200);
    server.client().put("state/a", b"2").await.expect(200);
    let (family, writer) = (server.client_of("family"), server.client_of("writer"));
    copy(&family, "/family/users/a", "users/b", &[]).await.expect(200);
    copy(&family, "/family/state/a", "users/b", &[]).await.expect_error(403, "AccessDenied");
    copy(&family, "/family/users%2F..%2Fstate/a", "users/b", &[]).await.expect_error(404, "NoSuchKey");
    copy(&family, "/family/users/a", "state/a", &[]).await.expect_error(403, "AccessDenied");
    copy(&writer, "/family/users/a", "users/c", &[]).await.expect_error(403, "AccessDenied");
    assert_eq!(server.client().get("users/b").await.body, b"1");
    // A URL that was signed for a PUT makes no copy: the header that asks for it is not signed.
    let url = server.client().presign(Method::Put, "users/d", &[]);
    let unsigned = [("x-amz-copy-source", "/family/state/a")];
    writer.raw(Method::Put, &url, &unsigned, b"").await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn damage_does_not_spread_by_copies() {
    let (server, client, _) = with_a_source(&[7; 100_000]).await;
    let folder = std::fs::read_dir(server.home().join("bodies")).unwrap().next().unwrap().unwrap().path();
    let body = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&body, [8; 100_000]).unwrap();
    copy(&client, "/family/from", "to", &[]).await.expect_error(500, "InternalError");
    client.get("to").await.expect(404);
}

/// A part of `to` that is a stretch of `from`.
async fn copy_part(client: &S3Client, source: &str, place: (&str, &str, &str), headers: &[(&str, &str)]) -> Answer {
    let (key, upload, number) = place;
    let mut all = headers.to_vec();
    all.push(("x-amz-copy-source", source));
    client.send(Method::Put, key, &[("partNumber", number), ("uploadId", upload)], &all, b"").await
}

#[tokio::test]
async fn parts_are_copied_from_objects_whole_and_by_stretches() {
    let (server, client, etag) = with_a_source(&[7; 6 << 20]).await;
    client.put("small", b"0123456789").await.expect(200);
    let headers = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let upload =
        client.send(Method::Post, "to", &[("uploads", "")], &headers, b"").await.expect(200).elements("UploadId").remove(0);
    let stretch = [("x-amz-copy-source-range", "bytes=3-5242884")];
    copy_part(&client, "/family/from", ("to", &upload, "1"), &stretch).await.expect(200);
    let whole = copy_part(&client, "family/small", ("to", &upload, "2"), &[]).await.expect(200);
    assert_eq!(whole.elements("ChecksumSHA256"), [sha256(b"0123456789")]);
    assert_eq!(whole.elements("ChecksumCRC32").len(), 1, "what the upload is summed up by");
    // Whatever it was made of may go before it is completed.
    client.delete("small").await.expect(204);
    let xml = completion(&[(1, &[7; 5_242_882]), (2, b"0123456789")]);
    complete(&client, "to", &upload, &xml, &[]).await.expect(200);
    let expected = [[7; 5_242_882].as_slice(), b"0123456789"].concat();
    assert!(client.get("to").await.expect(200).body == expected);

    let upload = create(&client, "other").await;
    let place = ("other", upload.as_str(), "1");
    for (range, code) in [
        ("bytes=0-6291456", "InvalidArgument"),
        ("bytes=5-4", "InvalidArgument"),
        ("bytes=5-", "InvalidArgument"),
        ("0-1", "InvalidArgument"),
    ] {
        copy_part(&client, "/family/from", place, &[("x-amz-copy-source-range", range)]).await.expect_error(400, code);
    }
    let other = [("x-amz-copy-source-if-match", "\"00000000000000000000000000000000\"")];
    copy_part(&client, "/family/from", place, &other).await.expect_error(412, "PreconditionFailed");
    copy_part(&client, "/family/from", place, &[("x-amz-copy-source-if-match", &etag)]).await.expect(200);
    copy_part(&client, "/family/nothing", place, &[]).await.expect_error(404, "NoSuchKey");
    copy_part(&client, "/family/from", ("other", &upload, "0"), &[]).await.expect_error(400, "InvalidArgument");
    copy_part(&client, "/family/from", ("another", &upload, "1"), &[]).await.expect_error(404, "NoSuchUpload");
    drop(server);
}

#[tokio::test]
async fn who_copies_a_part_needs_the_right_to_read_its_source() {
    let keys = vec![
        AccessKey::new("family", SECRET, vec![Rule::new([Action::GetObject, Action::PutObject], "users/")]),
        AccessKey::new("writer", SECRET, vec![Rule::new([Action::PutObject], "users/")]),
    ];
    let server = Server::start_with(keys, Clock::system()).await;
    server.client().put("users/a", b"1").await.expect(200);
    server.client().put("state/a", b"2").await.expect(200);
    let upload = create(&server.client(), "users/b").await;
    let (family, writer) = (server.client_of("family"), server.client_of("writer"));
    let place = ("users/b", upload.as_str(), "1");
    copy_part(&family, "/family/users/a", place, &[]).await.expect(200);
    copy_part(&family, "/family/state/a", place, &[]).await.expect_error(403, "AccessDenied");
    copy_part(&writer, "/family/users/a", place, &[]).await.expect_error(403, "AccessDenied");
    // A URL that was signed for a part copies nothing: the header that asks for it is not signed.
    let query = [("partNumber", "2"), ("uploadId", upload.as_str())];
    let url =
        server.client().signer.at(time::OffsetDateTime::now_utc()).presign(Method::Put, "users/b", &query, &[], 300).unwrap();
    family.raw(Method::Put, &url, &[("x-amz-copy-source", "/family/state/a")], b"").await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn damage_does_not_spread_by_copied_parts() {
    let (server, client, _) = with_a_source(&[7; 100_000]).await;
    let folder = std::fs::read_dir(server.home().join("bodies")).unwrap().next().unwrap().unwrap().path();
    let body = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&body, [8; 100_000]).unwrap();
    let upload = create(&client, "to").await;
    copy_part(&client, "/family/from", ("to", &upload, "1"), &[]).await.expect_error(500, "InternalError");
}
