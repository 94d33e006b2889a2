//! PUT of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.
//!
//! Received, checked, synced and renamed first; then one commit decides the precondition and shows the object.

use std::sync::Arc;

use s3s::dto::{ETag, PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Result};

use super::condition::condition;
use super::expected::Expected;
use super::failure::{failed, no_such_bucket, refused, settled};
use super::headers::{StoredHeaders, Unsupported};
use super::receive::{Received, receive};
use super::{Backend, blocking};
use crate::index::{Change, Condition, Lookup, NewObject};

pub(super) async fn put(backend: &Arc<Backend>, mut request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    refuse_unsupported(&request.input)?;
    let condition = condition(request.input.if_match.as_ref(), request.input.if_none_match.as_ref())?;
    let expected = Expected::of_object(&request)?;
    let attributes = headers(&mut request.input).into_attributes()?;
    let received = receive(&backend.bodies, request.input.body.take(), &expected).await?;
    expected.check(received.digests(), request.trailing_headers.as_ref())?;

    let digests = received.digests().clone();
    let (bucket, key) = (request.input.bucket, request.input.key);
    let change = blocking(backend, move |backend| {
        foresee(backend, &bucket, &key, &condition, &received)?;
        let digests = received.digests();
        let (size, etag, sha256) = (digests.length, digests.etag.clone(), digests.sha256.clone());
        let body = received.stage(&backend.bodies).map_err(failed)?;
        let object = Box::new(NewObject { size, etag, sha256, attributes, body });
        Ok(Change::Put { bucket, key, condition, object })
    })
    .await?;
    settled(backend.writer.submit(change).await)?;
    Ok(PutObjectOutput { e_tag: Some(ETag::Strong(digests.etag)), checksum_sha256: Some(digests.sha256), ..Default::default() })
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

fn headers(input: &mut PutObjectInput) -> StoredHeaders {
    StoredHeaders {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_language: input.content_language.take(),
        content_disposition: input.content_disposition.take(),
        cache_control: input.cache_control.take(),
        metadata: input.metadata.take(),
    }
}

/// A signed header that would be ignored is refused instead: nobody shall believe that it took effect.
fn refuse_unsupported(input: &PutObjectInput) -> S3Result<()> {
    Unsupported {
        acl: input.acl.as_ref().map(|acl| acl.as_str()),
        storage_class: input.storage_class.as_ref().map(|class| class.as_str()),
        grants: input.grant_full_control.is_some()
            || input.grant_read.is_some()
            || input.grant_read_acp.is_some()
            || input.grant_write_acp.is_some(),
        encryption: input.server_side_encryption.is_some()
            || input.sse_customer_algorithm.is_some()
            || input.ssekms_key_id.is_some()
            || input.sse_customer_key.is_some(),
        object_lock: input.object_lock_mode.is_some()
            || input.object_lock_legal_hold_status.is_some()
            || input.object_lock_retain_until_date.is_some(),
        tagging: input.tagging.is_some(),
        redirect: input.website_redirect_location.is_some(),
        append: input.write_offset_bytes.is_some(),
        expires: input.expires.is_some(),
    }
    .refuse()
}
