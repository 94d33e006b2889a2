//! DELETE of an object and of many: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.

use std::sync::Arc;

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, Error,
    ObjectIdentifier,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::Backend;
use super::failure::{error, not_implemented, refused, settled};
use crate::document::has_digest;
use crate::index::{Change, Condition, Done};

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
    let deleted = backend.writer.submit(Change::Delete { bucket: input.bucket, key: input.key, condition }).await;
    settled(deleted)?;
    Ok(DeleteObjectOutput::default())
}

/// Keys of one request at most.
const MOST_KEYS: usize = 1000;

/// Keys that the access key must not delete; they were taken out of the request, and its answer names them.
#[derive(Debug, Clone)]
pub(crate) struct Refusals(pub(crate) Vec<String>);

pub(super) async fn delete_many(
    backend: &Arc<Backend>,
    mut request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    if !has_digest(&request.headers) {
        return Err(error(S3ErrorCode::InvalidRequest, "a deletion of many keys comes with Content-MD5 or an x-amz-checksum"));
    }
    let denied = request.extensions.remove::<Refusals>().map(|refusals| refusals.0).unwrap_or_default();
    let input = request.input;
    if input.mfa.is_some() {
        return Err(not_implemented("there are no versions here"));
    }
    let asked = input.delete.objects.len() + denied.len();
    if asked == 0 || asked > MOST_KEYS {
        return Err(error(S3ErrorCode::MalformedXML, "a deletion names 1 to 1,000 keys"));
    }
    let right = || error(S3ErrorCode::AccessDenied, "this access key has no right to DeleteObject here");
    let mut errors: Vec<Error> = denied.into_iter().map(|key| failure(key, &right())).collect();
    let mut keys = Vec::with_capacity(asked);
    for object in input.delete.objects {
        match condition(&object) {
            Ok(condition) => keys.push((object.key, condition)),
            Err(refusal) => errors.push(failure(object.key, &refusal)),
        }
    }
    let names: Vec<String> = keys.iter().map(|(key, _)| key.clone()).collect();
    let done = settled(backend.writer.submit(Change::DeleteMany { bucket: input.bucket, keys }).await)?;
    let Done::Deleted(outcomes) = done else {
        return Err(error(S3ErrorCode::InternalError, "the server failed; try again"));
    };
    let mut deleted = Vec::new();
    for (key, outcome) in names.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
            Err(refusal) => errors.push(failure(key, &refused(refusal))),
        }
    }
    let quiet = input.delete.quiet.unwrap_or(false);
    Ok(DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), errors: Some(errors), ..Default::default() })
}

fn condition(object: &ObjectIdentifier) -> S3Result<Condition> {
    if object.version_id.as_deref().is_some_and(|version| version != "null") {
        return Err(error(S3ErrorCode::NoSuchVersion, "there are no versions here"));
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(not_implemented("only an ETag makes a deletion conditional here"));
    }
    // A weak ETag never matches: RFC 9110 section 13.1.1 compares strongly.
    let etag = object.e_tag.as_ref().map(|etag| etag.as_strong().unwrap_or_default().to_owned());
    Ok(etag.map_or(Condition::Any, Condition::Matches))
}

fn failure(key: String, refusal: &S3Error) -> Error {
    Error {
        key: Some(key),
        code: Some(refusal.code().as_str().to_owned()),
        message: refusal.message().map(str::to_owned),
        ..Default::default()
    }
}
