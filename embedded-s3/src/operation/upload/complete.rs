//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use std::sync::Arc;

use s3s::dto::{ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag};
use s3s::{S3ErrorCode, S3Result};

use crate::index::{Assembled, Change, Checksums, Claim, ClaimedPart, Done, Kind, UploadPlace};
use crate::operation::Backend;
use crate::operation::condition::condition;
use crate::operation::failure::{error, not_implemented, settled};

pub(in crate::operation) async fn complete(
    backend: &Arc<Backend>,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    refuse_unsupported(&input)?;
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let size = input.mpu_object_size.map(u64::try_from).transpose();
    let size = size.map_err(|_| error(S3ErrorCode::InvalidArgument, "the size of an object must not be negative"))?;
    let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = parts.into_iter().map(claimed).collect::<S3Result<Vec<_>>>()?;
    if parts.is_empty() {
        return Err(error(S3ErrorCode::MalformedXML, "a completion names at least one part"));
    }
    let unknown = || error(S3ErrorCode::InvalidArgument, "the checksum type is not one of S3's");
    let kind = input.checksum_type.as_ref().map(|kind| Kind::named(kind.as_str()).ok_or_else(unknown)).transpose()?;
    let checksums = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
    };
    let claim = Box::new(Claim { parts, sha256: input.checksum_sha256, checksums, kind, size });
    let (bucket, key) = (input.bucket, input.key);
    let place = UploadPlace { bucket: bucket.clone(), key: key.clone(), id: input.upload_id };
    let done = settled(backend.writer.submit(Change::CompleteUpload { place, claim, condition }).await)?;
    let Done::Completed(object) = done else {
        return Err(error(S3ErrorCode::InternalError, "the server failed; try again"));
    };
    let (sha256, kind) = told(&object);
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        checksum_sha256: sha256,
        checksum_crc32: object.checksums.crc32,
        checksum_crc32c: object.checksums.crc32c,
        checksum_crc64nvme: object.checksums.crc64nvme,
        checksum_sha1: object.checksums.sha1,
        checksum_type: Some(ChecksumType::from_static(kind.name())),
        e_tag: Some(ETag::Strong(object.etag)),
        ..Default::default()
    })
}

/// The composite SHA-256, unless the upload asked for another; and what the checksum is made of.
fn told(object: &Assembled) -> (Option<String>, Kind) {
    if object.checksums.is_empty() {
        return (Some(format!("{}-{}", object.sha256, object.part_count)), Kind::Composite);
    }
    (None, if object.checksums.is_composite() { Kind::Composite } else { Kind::FullObject })
}

fn claimed(part: CompletedPart) -> S3Result<ClaimedPart> {
    let malformed = || error(S3ErrorCode::MalformedXML, "a part of a completion has a number and an ETag");
    let number = part.part_number.and_then(|number| u32::try_from(number).ok()).ok_or_else(malformed)?;
    let etag = part.e_tag.ok_or_else(malformed)?.into_value();
    let checksums = Checksums {
        crc32: part.checksum_crc32,
        crc32c: part.checksum_crc32c,
        crc64nvme: part.checksum_crc64nvme,
        sha1: part.checksum_sha1,
    };
    Ok(ClaimedPart { number, etag, sha256: part.checksum_sha256, checksums })
}

fn refuse_unsupported(input: &CompleteMultipartUploadInput) -> S3Result<()> {
    if input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some() {
        return Err(not_implemented("server-side encryption is not supported"));
    }
    Ok(())
}
