//! GET and HEAD of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{ChecksumMode, ChecksumType, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Metadata};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::condition::ReadConditions;
use super::content::{lookup, open_current};
use super::failure::{error, not_implemented};
use super::{Backend, blocking};
use crate::clock::from_ms;
use crate::index::ObjectRecord;

pub(super) async fn get(backend: &Arc<Backend>, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    refuse_unsupported(input.version_id.as_deref(), input.part_number, input.sse_customer_algorithm.is_some())?;
    let part = input.part_number;
    let (bucket, key, asked) = (input.bucket, input.key, input.range);
    let (record, length, blob, range) = blocking(backend, move |backend| {
        let (record, content, range) = open_current(backend, &bucket, &key, |record| {
            conditions.check(record)?;
            let range = asked.map(|asked| asked.check(record.size).map_err(|_| unsatisfiable(record.size))).transpose()?;
            Ok((range.clone().unwrap_or(0..record.size), range))
        })?;
        Ok((record, content.length(), content.into_blob()?, range))
    })
    .await?;
    refuse_part_of(&record, part)?;
    let wants_checksum = range.is_none() && wants_checksum(input.checksum_mode.as_ref());
    let told = wants_checksum.then(|| record.told());
    let kind = told.as_ref().map(|told| ChecksumType::from_static(told.kind.name()));
    let (sha256, others) = told.map_or_else(Default::default, |told| (told.sha256, told.others));
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(blob),
        content_length: Some(length.cast_signed()),
        content_range: range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, record.size)),
        checksum_type: kind,
        checksum_sha256: sha256,
        checksum_sha1: others.sha1,
        checksum_crc32: others.crc32,
        checksum_crc32c: others.crc32c,
        checksum_crc64nvme: others.crc64nvme,
        e_tag: Some(ETag::Strong(record.etag)),
        last_modified: Some(from_ms(record.modified_ms).into()),
        content_type: Some(content_type(record.attributes.content_type)),
        content_encoding: record.attributes.content_encoding,
        content_language: record.attributes.content_language,
        content_disposition: record.attributes.content_disposition,
        cache_control: record.attributes.cache_control,
        metadata: Some(record.attributes.metadata.into_iter().collect::<Metadata>()),
        ..Default::default()
    })
}

pub(super) async fn head(backend: &Arc<Backend>, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let conditions = ReadConditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    refuse_unsupported(input.version_id.as_deref(), input.part_number, input.sse_customer_algorithm.is_some())?;
    let (bucket, key) = (input.bucket, input.key);
    let record = blocking(backend, move |backend| lookup(backend, &bucket, &key)).await?;
    refuse_part_of(&record, input.part_number)?;
    conditions.check(&record)?;
    let wants_checksum = wants_checksum(input.checksum_mode.as_ref());
    let told = wants_checksum.then(|| record.told());
    let kind = told.as_ref().map(|told| ChecksumType::from_static(told.kind.name()));
    let (sha256, others) = told.map_or_else(Default::default, |told| (told.sha256, told.others));
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(record.size.cast_signed()),
        checksum_type: kind,
        checksum_sha256: sha256,
        checksum_sha1: others.sha1,
        checksum_crc32: others.crc32,
        checksum_crc32c: others.crc32c,
        checksum_crc64nvme: others.crc64nvme,
        e_tag: Some(ETag::Strong(record.etag)),
        last_modified: Some(from_ms(record.modified_ms).into()),
        content_type: Some(content_type(record.attributes.content_type)),
        content_encoding: record.attributes.content_encoding,
        content_language: record.attributes.content_language,
        content_disposition: record.attributes.content_disposition,
        cache_control: record.attributes.cache_control,
        metadata: Some(record.attributes.metadata.into_iter().collect::<Metadata>()),
        ..Default::default()
    })
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut unsatisfiable = error(S3ErrorCode::InvalidRange, "the range lies outside of the object");
    let mut headers = HeaderMap::new();
    if let Ok(range) = HeaderValue::try_from(format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    unsatisfiable.set_headers(headers);
    unsatisfiable
}

fn refuse_unsupported(version: Option<&str>, part: Option<i32>, customer_key: bool) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(error(S3ErrorCode::NoSuchVersion, "there are no versions here"));
    }
    if part.is_some_and(|part| part != 1) {
        return Err(error(S3ErrorCode::InvalidPart, "there are no parts to be read here but the whole"));
    }
    if customer_key {
        return Err(not_implemented("server-side encryption is not supported"));
    }
    Ok(())
}

/// An object in parts is not read part by part here, and nobody shall take the whole for one.
fn refuse_part_of(record: &ObjectRecord, part: Option<i32>) -> S3Result<()> {
    if part.is_some() && record.is_composite() {
        return Err(not_implemented("the parts of an object are not read by their numbers; read a range"));
    }
    Ok(())
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn content_type(stored: Option<String>) -> String {
    stored.unwrap_or_else(|| "application/octet-stream".to_owned())
}
