//! PUT of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.
//!
//! Received and checked first, and if it is not small synced and renamed; then one commit decides the precondition and shows the object.

use std::sync::Arc;

use s3s::dto::{ChecksumType, ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Result};

use super::condition::condition;
use super::expected::Expected;
use super::failure::{failed, no_such_bucket, refused, settled};
use super::headers::{stored_headers, unsupported};
use super::receive::{Received, receive};
use super::{Backend, blocking};
use crate::index::{Change, Checksums, Condition, Lookup, NewObject};

pub(super) async fn put(backend: &Arc<Backend>, mut request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    unsupported!(request.input, append: request.input.write_offset_bytes.is_some()).refuse()?;
    let condition = condition(request.input.if_match.as_ref(), request.input.if_none_match.as_ref())?;
    let expected = Expected::of_object(&request)?;
    let mut attributes = stored_headers!(request.input).into_attributes()?;
    let received = receive(&backend.bodies, request.input.body.take(), &expected).await?;
    expected.check(received.digests(), request.trailing_headers.as_ref())?;

    let digests = received.digests().clone();
    attributes.checksums = Checksums::from(&digests);
    let (bucket, key) = (request.input.bucket, request.input.key);
    let (size, etag, sha256) = (digests.length, digests.etag.clone(), digests.sha256.clone());
    let object = move |body| Box::new(NewObject { size, etag, sha256, attributes, body });
    let change = if received.lies_in_index() {
        // Nothing of it is on the disk before its commit, which comes at once: no other thread has to be waited for.
        let body = received.into_body(&backend.bodies).map_err(failed)?;
        Change::Put { bucket, key, condition, object: object(body) }
    } else {
        blocking(backend, move |backend| {
            foresee(backend, &bucket, &key, &condition, &received)?;
            let body = received.into_body(&backend.bodies).map_err(failed)?;
            Ok(Change::Put { bucket, key, condition, object: object(body) })
        })
        .await?
    };
    settled(backend.writer.submit(change).await)?;
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(digests.etag)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_sha256: Some(digests.sha256),
        checksum_sha1: digests.sha1,
        checksum_crc32: digests.crc32,
        checksum_crc32c: digests.crc32c,
        checksum_crc64nvme: digests.crc64nvme,
        ..Default::default()
    })
}

/// Spares the disk a body whose precondition fails already; the commit decides for those that pass.
fn foresee(backend: &Backend, bucket: &str, key: &str, condition: &Condition, received: &Received) -> S3Result<()> {
    if *condition == Condition::Any || matches!(received, Received::Large(..)) {
        return Ok(());
    }
    match backend.reads.lookup(bucket, key).map_err(failed)? {
        Lookup::NoBucket => Err(no_such_bucket()),
        Lookup::NoKey => condition.check_put(None).map_err(refused),
        Lookup::Found(stored) => condition.check_put(Some(&stored.etag)).map_err(refused),
    }
}
