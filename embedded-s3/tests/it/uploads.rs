//! Uploads in parts: begun, added to, listed, completed, aborted; what of them survives.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tidegate_embedded_s3::Clock;
use tidegate_sigv4::Method;
use time::{Duration, OffsetDateTime};

use crate::server::{Answer, S3Client, Server, sha256};

pub(crate) const PART: usize = 5 << 20;

/// Begins an upload as the broker does; its id.
pub(crate) async fn create(client: &S3Client, key: &str) -> String {
    let headers = [("content-type", "application/octet-stream"), ("x-amz-checksum-algorithm", "SHA256")];
    let answer = client.send(Method::Post, key, &[("uploads", "")], &headers, b"").await.expect(200);
    answer.elements("UploadId").remove(0)
}

pub(crate) async fn put_part(client: &S3Client, key: &str, upload: &str, number: u32, body: &[u8]) -> Answer {
    let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.send(Method::Put, key, &query, &[("x-amz-checksum-sha256", &sha256(body))], body).await
}

/// The body of a completion of these parts.
pub(crate) fn completion(parts: &[(u32, &[u8])]) -> String {
    let part = |(number, bytes): &(u32, &[u8])| {
        let (etag, sha256) = (md5(bytes), sha256(bytes));
        format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag><ChecksumSHA256>{sha256}</ChecksumSHA256></Part>")
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>")
}

pub(crate) async fn complete(client: &S3Client, key: &str, upload: &str, xml: &str, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::Post, key, &[("uploadId", upload)], headers, xml.as_bytes()).await
}

pub(crate) async fn abort(client: &S3Client, key: &str, upload: &str) -> Answer {
    client.send(Method::Delete, key, &[("uploadId", upload)], &[], b"").await
}

pub(crate) async fn list_parts(client: &S3Client, key: &str, upload: &str, query: &[(&str, &str)]) -> Answer {
    let mut all = query.to_vec();
    all.push(("uploadId", upload));
    client.send(Method::Get, key, &all, &[], b"").await
}

pub(crate) fn md5(bytes: &[u8]) -> String {
    use s3s::crypto::{Checksum as _, Md5};
    hex::encode(Md5::checksum(bytes))
}

/// SHA-256 over the SHA-256s of the parts, as S3 writes it.
pub(crate) fn composite(parts: &[&[u8]]) -> String {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(Sha256::digest(part));
    }
    format!("{}-{}", base64::engine::general_purpose::STANDARD.encode(hasher.finalize()), parts.len())
}

/// Waits until so many files are left: bodies that nothing names are removed after the answer.
async fn expect_body_files(home: &Path, expected: usize) {
    for _ in 0..500 {
        if body_files(home) == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(body_files(home), expected);
}

fn body_files(home: &Path) -> usize {
    fs::read_dir(home.join("bodies")).unwrap().map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn parts_in_any_order_make_one_object() {
    let server = Server::start().await;
    let client = server.client();
    let (one, two, tail) = (vec![1; PART], vec![2; PART + 3], b"tail".as_slice());
    let upload = create(&client, "a").await;
    put_part(&client, "a", &upload, 9, tail).await.expect(200);
    put_part(&client, "a", &upload, 1, &[7; 10]).await.expect(200);
    let answer = put_part(&client, "a", &upload, 1, &one).await.expect(200);
    assert_eq!(
        (answer.header("etag"), answer.header("x-amz-checksum-sha256")),
        (format!("\"{}\"", md5(&one)).as_str(), sha256(&one).as_str())
    );
    put_part(&client, "a", &upload, 2, &two).await.expect(200);
    put_part(&client, "a", &upload, 10, b"not wanted").await.expect(200);
    client.get("a").await.expect(404);

    let listed = list_parts(&client, "a", &upload, &[("max-parts", "2")]).await.expect(200);
    assert_eq!(listed.elements("PartNumber"), ["1", "2"]);
    assert_eq!(listed.elements("Size"), [one.len().to_string(), two.len().to_string()]);
    assert_eq!(listed.elements("ChecksumSHA256"), [sha256(&one), sha256(&two)]);
    assert_eq!(
        (listed.elements("IsTruncated"), listed.elements("NextPartNumberMarker")),
        (vec!["true".to_owned()], vec!["2".to_owned()])
    );
    let rest = list_parts(&client, "a", &upload, &[("part-number-marker", "2")]).await.expect(200);
    assert_eq!(
        (rest.elements("PartNumber"), rest.elements("IsTruncated")),
        (vec!["9".to_owned(), "10".to_owned()], vec!["false".to_owned()])
    );

    let xml = completion(&[(1, &one), (2, &two), (9, tail)]);
    let whole = composite(&[&one, &two, tail]);
    let headers = [("if-none-match", "*"), ("x-amz-checksum-sha256", whole.as_str())];
    let done = complete(&client, "a", &upload, &xml, &headers).await.expect(200);
    assert_eq!(
        (done.elements("ChecksumSHA256"), done.elements("ChecksumType")),
        (vec![whole.clone()], vec!["COMPOSITE".to_owned()])
    );
    let again = complete(&client, "a", &upload, &xml, &headers).await.expect(200);
    assert_eq!(again.text(), done.text());

    let expected = [one.as_slice(), &two, tail].concat();
    let answer = client.get_if("a", &[("x-amz-checksum-mode", "ENABLED")]).await.expect(200);
    assert!(answer.body == expected);
    assert_eq!((answer.header("x-amz-checksum-sha256"), answer.header("x-amz-checksum-type")), (whole.as_str(), "COMPOSITE"));
    assert!(answer.header("etag").ends_with("-3\""), "{}", answer.header("etag"));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let head = client.send(Method::Head, "a", &[], &[("x-amz-checksum-mode", "ENABLED")], b"").await.expect(200);
    assert_eq!(
        (head.header("content-length"), head.header("x-amz-checksum-sha256")),
        (expected.len().to_string().as_str(), whole.as_str())
    );
    assert!(server.store.read("family", "a").unwrap() == expected);
    // The part that was replaced and the one that was not named left no file.
    expect_body_files(server.home(), 3).await;
}

#[tokio::test]
async fn ranges_reach_across_parts() {
    let server = Server::start().await;
    let client = server.client();
    let whole = one_object(&client, "a").await;
    let edge = PART as u64;
    let size = whole.len() as u64;
    for (from, to) in [
        (0, 0),
        (edge - 1, edge - 1),
        (edge, edge),
        (edge - 3, edge + 3),
        (edge - 1, 2 * edge),
        (1, size - 1),
        (size - 2, size - 1),
    ] {
        let answer = client.get_if("a", &[("range", &format!("bytes={from}-{to}"))]).await.expect(206);
        assert_eq!(answer.header("content-range"), format!("bytes {from}-{to}/{size}"));
        assert!(answer.body == whole[usize::try_from(from).unwrap()..=usize::try_from(to).unwrap()], "{from}-{to}");
    }
    assert!(client.get_if("a", &[("range", "bytes=-6")]).await.expect(206).body == whole[whole.len() - 6..]);
    client.get_if("a", &[("range", &format!("bytes={size}-"))]).await.expect(416);
    client.send(Method::Get, "a", &[("partNumber", "1")], &[], b"").await.expect_error(501, "NotImplemented");
}

/// An object of two parts of 5 MiB and one of 4 bytes.
async fn one_object(client: &S3Client, key: &str) -> Vec<u8> {
    let (one, two, tail) = (vec![1; PART], vec![2; PART], b"tail".as_slice());
    let upload = create(client, key).await;
    for (number, part) in [(1, one.as_slice()), (2, &two), (3, tail)] {
        put_part(client, key, &upload, number, part).await.expect(200);
    }
    complete(client, key, &upload, &completion(&[(1, &one), (2, &two), (3, tail)]), &[]).await.expect(200);
    [one.as_slice(), &two, tail].concat()
}

#[tokio::test]
async fn replaced_deleted_and_aborted_parts_leave_no_files() {
    let server = Server::start().await;
    let client = server.client();
    one_object(&client, "a").await;
    one_object(&client, "a").await;
    expect_body_files(server.home(), 3).await;
    client.put("a", &[1; 100_000]).await.expect(200);
    expect_body_files(server.home(), 1).await;
    one_object(&client, "b").await;
    client.delete("b").await.expect(204);
    client.get("b").await.expect(404);
    let upload = create(&client, "c").await;
    put_part(&client, "c", &upload, 1, &[1; PART]).await.expect(200);
    abort(&client, "c", &upload).await.expect(204);
    abort(&client, "c", &upload).await.expect_error(404, "NoSuchUpload");
    put_part(&client, "c", &upload, 1, b"1").await.expect_error(404, "NoSuchUpload");
    let home = server.stop().await.unwrap();
    assert_eq!(body_files(home.path()), 1);
}

#[tokio::test]
async fn objects_and_open_uploads_survive_a_restart() {
    let server = Server::start().await;
    let client = server.client();
    let whole = one_object(&client, "a").await;
    let upload = create(&client, "b").await;
    put_part(&client, "b", &upload, 1, b"first").await.expect(200);
    let home = server.stop().await.unwrap();

    let server = Server::start_in(home.path(), vec![], Clock::system()).await;
    let client = server.client();
    assert!(client.get("a").await.expect(200).body == whole);
    let uploads = client.send(Method::Get, "", &[("uploads", "")], &[], b"").await.expect(200);
    assert_eq!(uploads.elements("UploadId"), [upload.as_str()]);
    assert_eq!(list_parts(&client, "b", &upload, &[]).await.expect(200).elements("ChecksumSHA256"), [sha256(b"first")]);
    complete(&client, "b", &upload, &completion(&[(1, b"first")]), &[]).await.expect(200);
    assert_eq!(client.get("b").await.expect(200).body, b"first");
    client.put("c", b"numbered above the rest").await.expect(200);
    assert_eq!(client.get("b").await.expect(200).body, b"first");
    server.stop().await;
}

#[tokio::test]
async fn an_upload_older_than_a_week_goes_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = || {
        let ahead = Arc::clone(&ahead);
        Clock::from_fn(move || OffsetDateTime::now_utc() + Duration::seconds(ahead.load(Ordering::SeqCst)))
    };
    let server = Server::start_in(home.path(), vec![], clock()).await;
    let client = server.client();
    let old = create(&client, "old").await;
    put_part(&client, "old", &old, 1, b"1").await.expect(200);
    let completed = create(&client, "whole").await;
    put_part(&client, "whole", &completed, 1, b"whole").await.expect(200);
    let xml = completion(&[(1, b"whole")]);
    complete(&client, "whole", &completed, &xml, &[]).await.expect(200);
    server.stop().await;
    assert_eq!(body_files(home.path()), 2);

    ahead.store(7 * 24 * 3600 - 60, Ordering::SeqCst);
    let server = Server::start_in(home.path(), vec![], clock()).await;
    server.stop().await;
    assert_eq!(body_files(home.path()), 2);

    // Signatures go by the system's clock, so the store is asked by a start at the system's time.
    ahead.store(7 * 24 * 3600 + 60, Ordering::SeqCst);
    let server = Server::start_in(home.path(), vec![], clock()).await;
    server.stop().await;
    ahead.store(0, Ordering::SeqCst);
    let server = Server::start_in(home.path(), vec![], clock()).await;
    let client = server.client();
    assert_eq!(body_files(home.path()), 1);
    put_part(&client, "old", &old, 1, b"1").await.expect_error(404, "NoSuchUpload");
    complete(&client, "whole", &completed, &xml, &[]).await.expect_error(404, "NoSuchUpload");
    assert_eq!(client.get("whole").await.expect(200).body, b"whole");
    server.stop().await;
}

#[tokio::test]
async fn an_index_of_the_first_format_is_brought_up_to_date() {
    let server = Server::start().await;
    let large = vec![5; 100_000];
    server.client().put("a", &large).await.expect(200);
    let home = server.stop().await.unwrap();
    let index = rusqlite::Connection::open(home.path().join("index.sqlite")).unwrap();
    index
        .execute_batch(
            "DROP TABLE parts; DROP TABLE uploads; DROP TABLE pieces; ALTER TABLE objects DROP COLUMN part_count;
             DROP TABLE small_bodies; DROP TABLE bucket_settings; ALTER TABLE objects DROP COLUMN small; PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(index);
    let server = Server::start_in(home.path(), vec![], Clock::system()).await;
    let client = server.client();
    assert!(client.get("a").await.expect(200).body == large);
    one_object(&client, "b").await;
    client.put("a", b"small now").await.expect(200);
    assert_eq!(client.get("a").await.expect(200).body, b"small now");
    server.stop().await;
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_id() {
    let server = Server::start().await;
    let client = server.client();
    let mut ids = Vec::new();
    for key in ["x/1", "x/2", "x/2", "y"] {
        ids.push((key, create(&client, key).await));
    }
    ids.sort();
    let list = async |query: &[(&str, &str)]| {
        let mut all = query.to_vec();
        all.push(("uploads", ""));
        client.send(Method::Get, "", &all, &[], b"").await.expect(200)
    };
    let all = list(&[]).await;
    assert_eq!(all.elements("UploadId"), ids.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>());
    assert_eq!(list(&[("prefix", "x/")]).await.elements("Key"), ["x/1", "x/2", "x/2"]);
    let first = list(&[("max-uploads", "2")]).await;
    let (key, id) = (first.elements("NextKeyMarker").remove(0), first.elements("NextUploadIdMarker").remove(0));
    let second = list(&[("key-marker", &key), ("upload-id-marker", &id)]).await;
    assert_eq!(second.elements("UploadId"), [ids[2].1.clone(), ids[3].1.clone()]);
    assert_eq!(list(&[("key-marker", "x/2")]).await.elements("Key"), ["y"]);
}

#[tokio::test]
async fn who_downloads_goes_on_after_the_object_is_deleted() {
    let server = Server::start().await;
    let client = server.client();
    let whole = one_object(&client, "a").await;
    let url = client.presign(Method::Get, "a", &[]);
    let mut response = client.http.get(url).send().await.unwrap();
    let mut body = response.chunk().await.unwrap().unwrap().to_vec();
    client.delete("a").await.expect(204);
    while let Some(piece) = response.chunk().await.unwrap() {
        body.extend_from_slice(&piece);
    }
    assert!(body == whole);
    drop(response);
    server.stop().await;
}
