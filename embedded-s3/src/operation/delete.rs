//! DELETE of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>.

use std::sync::Arc;

use s3s::S3Result;
use s3s::dto::{DeleteObjectInput, DeleteObjectOutput, ETagCondition};

use super::Backend;
use super::failure::{not_implemented, settled};
use crate::index::{Change, Condition};

pub(super) async fn delete(backend: &Arc<Backend>, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(not_implemented("only If-Match makes a DELETE conditional here"));
    }
    if input.version_id.is_some_and(|version| version != "null") || input.mfa.is_some() {
        return Err(not_implemented("there are no versions here"));
    }
    let condition = match input.if_match {
        // A weak ETag never matches: RFC 9110 section 13.1.1 compares strongly.
        Some(ETagCondition::ETag(etag)) => Condition::Matches(etag.into_strong().unwrap_or_default()),
        Some(ETagCondition::Any) | None => Condition::Any,
    };
    settled(backend.writer.submit(Change::Delete { bucket: input.bucket, key: input.key, condition }).await)?;
    Ok(DeleteObjectOutput::default())
}
