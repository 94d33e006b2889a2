//! PUT of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.
//!
//! Received, checked, synced and renamed first; then one commit decides the precondition and shows the object.

use std::sync::Arc;

use s3s::dto::{ETag, ETagCondition, PutObjectInput, PutObjectOutput};
use s3s::{S3ErrorCode, S3Request, S3Result};

use super::expected::Expected;
use super::failure::{error, failed, no_such_bucket, not_implemented, refused, settled};
use super::receive::{Received, receive};
use super::{Backend, blocking};
use crate::index::{Attributes, Change, Condition, Lookup, NewObject};

pub(super) async fn put(backend: &Arc<Backend>, mut request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    refuse_unsupported(&request.input)?;
    let condition = condition(&request.input)?;
    let expected = Expected::of(&request)?;
    let attributes = attributes(&mut request.input)?;
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

fn condition(input: &PutObjectInput) -> S3Result<Condition> {
    match (&input.if_match, &input.if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        // A weak ETag never matches: RFC 9110 section 13.1.1 compares strongly.
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Matches(etag.as_strong().unwrap_or_default().to_owned())),
        (Some(_), Some(_)) => Err(not_implemented("If-Match and If-None-Match do not go together")),
        (None, Some(ETagCondition::ETag(_))) => Err(not_implemented("If-None-Match of a PUT must be *")),
        (Some(ETagCondition::Any), None) => Err(not_implemented("If-Match of a PUT must be an ETag")),
    }
}

fn attributes(input: &mut PutObjectInput) -> S3Result<Attributes> {
    let metadata = input.metadata.take().unwrap_or_default();
    let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > 2048 {
        return Err(error(S3ErrorCode::MetadataTooLarge, "metadata takes at most 2,048 bytes"));
    }
    Ok(Attributes {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take().and_then(|encoding| stored_encoding(&encoding)),
        content_language: input.content_language.take(),
        content_disposition: input.content_disposition.take(),
        cache_control: input.cache_control.take(),
        metadata: metadata.into_iter().collect(),
    })
}

/// `aws-chunked` is how the body travelled, not what it is.
fn stored_encoding(encoding: &str) -> Option<String> {
    let stored: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!stored.is_empty()).then(|| stored.join(","))
}

/// A signed header that would be ignored is refused instead: nobody shall believe that it took effect.
fn refuse_unsupported(input: &PutObjectInput) -> S3Result<()> {
    let acl = input.acl.as_ref().map(|acl| acl.as_str());
    if acl.is_some_and(|acl| acl != "private" && acl != "bucket-owner-full-control") {
        return Err(error(S3ErrorCode::AccessControlListNotSupported, "there are no access control lists here"));
    }
    if input.storage_class.as_ref().is_some_and(|class| class.as_str() != "STANDARD") {
        return Err(error(S3ErrorCode::InvalidStorageClass, "there is one storage class: STANDARD"));
    }
    let unsupported = [
        (grants(input), "there are no access control lists here"),
        (
            input.server_side_encryption.is_some() || input.sse_customer_algorithm.is_some(),
            "server-side encryption is not supported",
        ),
        (input.ssekms_key_id.is_some() || input.sse_customer_key.is_some(), "server-side encryption is not supported"),
        (input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some(), "object lock is not supported"),
        (input.object_lock_retain_until_date.is_some(), "object lock is not supported"),
        (input.tagging.is_some(), "tags are not supported"),
        (input.website_redirect_location.is_some(), "redirects are not supported"),
        (input.write_offset_bytes.is_some(), "appending is not supported"),
        (input.expires.is_some(), "the Expires header is not supported"),
    ];
    match unsupported.iter().find(|(present, _)| *present) {
        Some((_, what)) => Err(not_implemented(what)),
        None => Ok(()),
    }
}

const fn grants(input: &PutObjectInput) -> bool {
    input.grant_full_control.is_some()
        || input.grant_read.is_some()
        || input.grant_read_acp.is_some()
        || input.grant_write_acp.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_encoding_of_the_sdk_is_not_stored() {
        assert_eq!(stored_encoding("aws-chunked"), None);
        assert_eq!(stored_encoding("aws-chunked, gzip").as_deref(), Some("gzip"));
        assert_eq!(stored_encoding("gzip").as_deref(), Some("gzip"));
    }
}
