//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>

use std::sync::Arc;

use s3s::dto::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3ErrorCode, S3Result};
use uuid::Uuid;

use crate::index::{Change, NewUpload};
use crate::operation::Backend;
use crate::operation::failure::{error, not_implemented, settled};
use crate::operation::headers::{StoredHeaders, Unsupported};

pub(in crate::operation) async fn create(
    backend: &Arc<Backend>,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    refuse_unsupported(&input)?;
    check_checksum(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let attributes = headers(&mut input).into_attributes()?;
    let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
    let id = Uuid::new_v4().simple().to_string();
    let upload = Box::new(NewUpload { id: id.clone(), algorithm, attributes });
    let (bucket, key) = (input.bucket, input.key);
    settled(backend.writer.submit(Change::CreateUpload { bucket: bucket.clone(), key: key.clone(), upload }).await)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(id),
        checksum_type: input.checksum_algorithm.is_some().then(|| ChecksumType::from_static(ChecksumType::COMPOSITE)),
        checksum_algorithm: input.checksum_algorithm,
        ..Default::default()
    })
}

/// The checksum of the whole is made of those of the parts; one over all bytes would take reading them again.
fn check_checksum(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> S3Result<()> {
    let algorithm = algorithm.map(ChecksumAlgorithm::as_str);
    match (algorithm, kind.map(ChecksumType::as_str)) {
        (Some(ChecksumAlgorithm::CRC64NVME), _) | (_, Some(ChecksumType::FULL_OBJECT)) => {
            Err(not_implemented("the checksum of an upload in parts is a composite"))
        }
        (None, Some(_)) => Err(error(S3ErrorCode::InvalidRequest, "a checksum type needs an algorithm")),
        (_, None | Some(ChecksumType::COMPOSITE)) => Ok(()),
        (Some(_), Some(_)) => Err(error(S3ErrorCode::InvalidArgument, "the checksum type is not one of S3's")),
    }
}

fn headers(input: &mut CreateMultipartUploadInput) -> StoredHeaders {
    StoredHeaders {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_language: input.content_language.take(),
        content_disposition: input.content_disposition.take(),
        cache_control: input.cache_control.take(),
        metadata: input.metadata.take(),
    }
}

fn refuse_unsupported(input: &CreateMultipartUploadInput) -> S3Result<()> {
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
        append: false,
        expires: input.expires.is_some(),
    }
    .refuse()
}
