//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>

use std::sync::Arc;

use s3s::dto::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3ErrorCode, S3Result};
use uuid::Uuid;

use crate::index::{Change, NewUpload};
use crate::operation::Backend;
use crate::operation::failure::{error, not_implemented, settled};
use crate::operation::headers::{stored_headers, unsupported};

pub(in crate::operation) async fn create(
    backend: &Arc<Backend>,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    unsupported!(input, append: false).refuse()?;
    check_checksum(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let attributes = stored_headers!(input).into_attributes()?;
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
