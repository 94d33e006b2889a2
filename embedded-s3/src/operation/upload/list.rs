//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>

use std::sync::Arc;

use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Part,
};
use s3s::{S3ErrorCode, S3Result};

use crate::clock::from_ms;
use crate::index::{PartRecord, UploadLookup, UploadPlace, UploadsRequest};
use crate::operation::failure::{error, failed, no_such_bucket, no_such_upload, not_implemented};
use crate::operation::{Backend, blocking};

const MOST: i32 = 1000;

pub(in crate::operation) async fn list_parts(backend: &Arc<Backend>, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let most = page_size(input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let after =
        u32::try_from(marker).map_err(|_| error(S3ErrorCode::InvalidArgument, "part-number-marker must not be negative"))?;
    let place = UploadPlace { bucket: input.bucket, key: input.key, id: input.upload_id };
    let looked_up = place.clone();
    let page = blocking(backend, move |backend| backend.reads.parts(&looked_up, after, most).map_err(failed)).await?;
    let page = match page {
        UploadLookup::NoBucket => return Err(no_such_bucket()),
        UploadLookup::NoUpload => return Err(no_such_upload()),
        UploadLookup::Found(page) => page,
    };
    let last = page.parts.last().and_then(|part| i32::try_from(part.number).ok());
    Ok(ListPartsOutput {
        bucket: Some(place.bucket),
        key: Some(place.key),
        upload_id: Some(place.id),
        checksum_type: page.summing.map(|summing| ChecksumType::from_static(summing.kind.name())),
        checksum_algorithm: page.summing.map(|summing| ChecksumAlgorithm::from_static(summing.algorithm.name())),
        max_parts: i32::try_from(most).ok(),
        part_number_marker: Some(marker),
        next_part_number_marker: last.filter(|_| page.is_truncated),
        is_truncated: Some(page.is_truncated),
        parts: Some(page.parts.into_iter().map(part).collect()),
        ..Default::default()
    })
}

pub(in crate::operation) async fn list_uploads(
    backend: &Arc<Backend>,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    if input.delimiter.is_some() || input.encoding_type.is_some() {
        return Err(not_implemented("uploads are listed without a delimiter and as they are"));
    }
    let most = page_size(input.max_uploads)?;
    let after_key = input.key_marker.clone().unwrap_or_default();
    // Without a key there is nothing that the id could belong to.
    let after_id = input.upload_id_marker.clone().filter(|_| !after_key.is_empty());
    let prefix = input.prefix.clone().unwrap_or_default();
    let request = UploadsRequest { bucket: input.bucket.clone(), prefix, after_key, after_id, most };
    let page = blocking(backend, move |backend| backend.reads.uploads(&request).map_err(failed)).await?;
    let page = page.ok_or_else(no_such_bucket)?;
    let last = page.uploads.last().filter(|_| page.is_truncated);
    let (next_key_marker, next_upload_id_marker) = last.map(|upload| (upload.key.clone(), upload.id.clone())).unzip();
    let uploads = page.uploads.into_iter().map(|upload| MultipartUpload {
        key: Some(upload.key),
        upload_id: Some(upload.id),
        initiated: Some(from_ms(upload.started_ms).into()),
        checksum_type: upload.summing.map(|summing| ChecksumType::from_static(summing.kind.name())),
        checksum_algorithm: upload.summing.map(|summing| ChecksumAlgorithm::from_static(summing.algorithm.name())),
        ..Default::default()
    });
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: i32::try_from(most).ok(),
        is_truncated: Some(page.is_truncated),
        uploads: Some(uploads.collect()),
        next_key_marker,
        next_upload_id_marker,
        ..Default::default()
    })
}

fn page_size(asked: Option<i32>) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(MOST).min(MOST))
        .map_err(|_| error(S3ErrorCode::InvalidArgument, "the size of a page must not be negative"))
}

fn part(record: PartRecord) -> Part {
    Part {
        part_number: i32::try_from(record.number).ok(),
        size: Some(record.size.cast_signed()),
        e_tag: Some(ETag::Strong(record.etag)),
        last_modified: Some(from_ms(record.modified_ms).into()),
        checksum_sha256: Some(record.sha256),
        checksum_crc32: record.checksums.crc32,
        checksum_crc32c: record.checksums.crc32c,
        checksum_crc64nvme: record.checksums.crc64nvme,
        checksum_sha1: record.checksums.sha1,
    }
}
