//! The examples of the S3 documentation.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

use tidegate_sigv4::{AddressingStyle, Credentials, Endpoint, Method, PayloadHash, Presigner};
use time::macros::datetime;

fn documentation_signer() -> Presigner {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
    let endpoint = Endpoint::new("https://s3.amazonaws.com", "examplebucket", AddressingStyle::VirtualHost).unwrap();
    Presigner::new(credentials, "us-east-1", endpoint)
}

fn authorization(method: Method, key: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8]) -> String {
    let signer = documentation_signer();
    let signed =
        signer.at(datetime!(2013-05-24 00:00 UTC)).sign_headers(method, key, query, headers, PayloadHash::of(body)).unwrap();
    signed.headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1
}

fn expected(signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders={signed_headers}, Signature={signature}"
    )
}

#[test]
fn get_object_with_range() {
    assert_eq!(
        authorization(Method::Get, "test.txt", &[], &[("range", "bytes=0-9")], b""),
        expected(
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        )
    );
}

#[test]
fn put_object() {
    let headers = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    assert_eq!(
        authorization(Method::Put, "test$file.text", &[], &headers, b"Welcome to Amazon S3."),
        expected(
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        )
    );
}

#[test]
fn get_bucket_lifecycle() {
    assert_eq!(
        authorization(Method::Get, "", &[("lifecycle", "")], &[], b""),
        expected("host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",)
    );
}

#[test]
fn list_objects() {
    assert_eq!(
        authorization(Method::Get, "", &[("max-keys", "2"), ("prefix", "J")], &[], b""),
        expected("host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",)
    );
}

#[test]
fn presigned_get() {
    let signer = documentation_signer();
    let batch = signer.at(datetime!(2013-05-24 00:00 UTC));
    assert_eq!(
        batch.presign(Method::Get, "test.txt", &[], &[], 86_400).unwrap(),
        "https://examplebucket.s3.amazonaws.com/test.txt\
         ?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}
