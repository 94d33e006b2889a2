//! Checksums of whole objects in parts, beside SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1};
use tidegate_sigv4::Method;

use crate::server::{S3Client, Server};
use crate::uploads::{PART, complete, list_parts, md5, put_part};

/// Algorithm, type, header, and the function over bytes.
type Case = (&'static str, &'static str, &'static str, fn(&[u8]) -> Vec<u8>);

const CASES: [Case; 6] = [
    ("CRC32", "FULL_OBJECT", "x-amz-checksum-crc32", |bytes| Crc32::checksum(bytes).to_vec()),
    ("CRC32C", "FULL_OBJECT", "x-amz-checksum-crc32c", |bytes| Crc32c::checksum(bytes).to_vec()),
    ("CRC64NVME", "FULL_OBJECT", "x-amz-checksum-crc64nvme", |bytes| Crc64Nvme::checksum(bytes).to_vec()),
    ("CRC32", "COMPOSITE", "x-amz-checksum-crc32", |bytes| Crc32::checksum(bytes).to_vec()),
    ("CRC32C", "COMPOSITE", "x-amz-checksum-crc32c", |bytes| Crc32c::checksum(bytes).to_vec()),
    ("SHA1", "COMPOSITE", "x-amz-checksum-sha1", |bytes| Sha1::checksum(bytes).as_slice().to_vec()),
];

async fn create(client: &S3Client, key: &str, algorithm: &str, kind: &str) -> String {
    let headers = [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)];
    let answer = client.send(Method::Post, key, &[("uploads", "")], &headers, b"").await.expect(200);
    assert_eq!((answer.header("x-amz-checksum-algorithm"), answer.header("x-amz-checksum-type")), (algorithm, kind));
    answer.elements("UploadId").remove(0)
}

/// A completion by numbers and ETags alone, as clients send it that name the checksum of the whole.
fn completion(parts: &[&[u8]]) -> String {
    let part = |(number, bytes): (usize, &&[u8])| {
        format!("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag></Part>", number + 1, md5(bytes))
    };
    let parts: String = parts.iter().enumerate().map(part).collect();
    format!("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>")
}

#[tokio::test]
async fn the_whole_has_the_checksum_that_its_upload_asked_for_and_no_other() {
    let server = Server::start().await;
    let client = server.client();
    let (one, two) = (vec![1; PART], b"tail".as_slice());
    let all = [one.as_slice(), two].concat();
    for (algorithm, kind, header, sum) in CASES {
        let upload = create(&client, "a", algorithm, kind).await;
        // Neither part says a checksum in this algorithm: the store computes it.
        put_part(&client, "a", &upload, 1, &one).await.expect(200);
        let answer = put_part(&client, "a", &upload, 2, two).await.expect(200);
        assert_eq!(answer.header(header), STANDARD.encode(sum(two)));
        let listed = list_parts(&client, "a", &upload, &[]).await.expect(200);
        assert_eq!(listed.elements("ChecksumType"), [kind]);
        assert_eq!(listed.elements("ChecksumAlgorithm"), [algorithm]);

        let right = match kind {
            "COMPOSITE" => format!("{}-2", STANDARD.encode(sum(&[sum(&one), sum(two)].concat()))),
            _ => STANDARD.encode(sum(&all)),
        };
        let xml = completion(&[&one, two]);
        let wrong = if kind == "COMPOSITE" { right.replace("-2", "-3") } else { STANDARD.encode(sum(two)) };
        complete(&client, "a", &upload, &xml, &[(header, &wrong)]).await.expect_error(400, "BadDigest");
        let other = if kind == "COMPOSITE" { "FULL_OBJECT" } else { "COMPOSITE" };
        let headers = [(header, right.as_str()), ("x-amz-checksum-type", other)];
        complete(&client, "a", &upload, &xml, &headers).await.expect_error(400, "InvalidRequest");
        let headers = [(header, right.as_str()), ("x-amz-checksum-type", kind)];
        let done = complete(&client, "a", &upload, &xml, &headers).await.expect(200);
        assert!(done.text().contains(&right), "{}", done.text());
        assert_eq!(done.elements("ChecksumType"), [kind]);
        assert_eq!(complete(&client, "a", &upload, &xml, &headers).await.expect(200).text(), done.text());

        for method in [Method::Get, Method::Head] {
            let answer = client.send(method, "a", &[], &[("x-amz-checksum-mode", "ENABLED")], b"").await.expect(200);
            assert_eq!((answer.header(header), answer.header("x-amz-checksum-type")), (right.as_str(), kind));
            assert_eq!(answer.header("x-amz-checksum-sha256"), "", "one kind for each answer");
        }
        assert!(client.get("a").await.expect(200).body == all);
        assert_eq!(client.head("a").await.expect(200).header(header), "", "told where it is asked for");
    }
}

#[tokio::test]
async fn a_checksum_that_the_upload_did_not_ask_for_is_not_believed() {
    let server = Server::start().await;
    let client = server.client();
    let upload = create(&client, "a", "CRC32C", "FULL_OBJECT").await;
    put_part(&client, "a", &upload, 1, b"1").await.expect(200);
    let xml = completion(&[b"1"]);
    let crc32 = STANDARD.encode(Crc32::checksum(b"1"));
    complete(&client, "a", &upload, &xml, &[("x-amz-checksum-crc32", &crc32)]).await.expect_error(400, "InvalidRequest");
    client.get("a").await.expect(404);
    complete(&client, "a", &upload, &xml, &[]).await.expect(200);
}
