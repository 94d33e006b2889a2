//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>

use std::sync::Arc;

use s3s::dto::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3ErrorCode, S3Result};
use uuid::Uuid;

use crate::index::{Algorithm, Change, Kind, NewUpload, Summing};
use crate::operation::Backend;
use crate::operation::failure::{error, settled};
use crate::operation::headers::{stored_headers, unsupported};

pub(in crate::operation) async fn create(
    backend: &Arc<Backend>,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    unsupported!(input, append: false).refuse()?;
    let summing = summing(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
    let attributes = stored_headers!(input).into_attributes()?;
    let id = Uuid::new_v4().simple().to_string();
    let upload = Box::new(NewUpload { id: id.clone(), summing, attributes });
    let (bucket, key) = (input.bucket, input.key);
    settled(backend.writer.submit(Change::CreateUpload { bucket: bucket.clone(), key: key.clone(), upload }).await)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(id),
        checksum_type: summing.map(|summing| ChecksumType::from_static(summing.kind.name())),
        checksum_algorithm: summing.map(|summing| ChecksumAlgorithm::from_static(summing.algorithm.name())),
        ..Default::default()
    })
}

/// How the upload asks to be summed up.
fn summing(algorithm: Option<&ChecksumAlgorithm>, kind: Option<&ChecksumType>) -> S3Result<Option<Summing>> {
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(error(S3ErrorCode::InvalidRequest, "a checksum type needs an algorithm")),
        };
    };
    let algorithm = Algorithm::named(algorithm.as_str())
        .ok_or_else(|| error(S3ErrorCode::InvalidArgument, "the checksum algorithm is not one of S3's"))?;
    let unknown = || error(S3ErrorCode::InvalidArgument, "the checksum type is not one of S3's");
    let kind = kind.map(|kind| Kind::named(kind.as_str()).ok_or_else(unknown)).transpose()?;
    let unfit = || error(S3ErrorCode::InvalidRequest, "hashes are composites, and CRC64NVME is of the full object");
    Summing::new(algorithm, kind).map(Some).ok_or_else(unfit)
}
