//! GET and HEAD of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{
    ChecksumMode, ChecksumType, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    Metadata, StreamingBlob, Timestamp, TimestampFormat,
};
use s3s::{Body, S3Error, S3ErrorCode, S3Result};
use time::OffsetDateTime;
use tokio_util::io::ReaderStream;

use super::failure::{error, failed, no_such_bucket, no_such_key, not_implemented, precondition_failed};
use super::receive::PIECE;
use super::{Backend, blocking};
use crate::body::Stretch;
use crate::clock::from_ms;
use crate::error::StoreError;
use crate::index::{Lookup, ObjectRecord};

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
    let (record, content) = blocking(backend, move |backend| read(backend, &bucket, &key, &conditions, asked)).await?;
    refuse_part_of(&record, part)?;
    let full = content.range.is_none();
    let checksum = (full && wants_checksum(input.checksum_mode.as_ref())).then(|| record.checksum());
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(content.blob),
        content_length: Some(content.length.cast_signed()),
        content_range: content.range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, record.size)),
        checksum_type: checksum.is_some().then(|| checksum_type(&record)),
        checksum_sha256: checksum,
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
    let checksum = wants_checksum(input.checksum_mode.as_ref()).then(|| record.checksum());
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(record.size.cast_signed()),
        checksum_type: checksum.is_some().then(|| checksum_type(&record)),
        checksum_sha256: checksum,
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

/// What a GET answers with.
struct Content {
    blob: StreamingBlob,
    /// Bytes.
    length: u64,
    /// Only where a range was asked for.
    range: Option<Range<u64>>,
}

/// Looks the key up and opens its body. An overwrite in between removes the file that we were about to open: then look again.
fn read(
    backend: &Backend,
    bucket: &str,
    key: &str,
    conditions: &ReadConditions,
    asked: Option<s3s::dto::Range>,
) -> S3Result<(Box<ObjectRecord>, Content)> {
    let mut missing = None;
    loop {
        let record = lookup(backend, bucket, key)?;
        conditions.check(&record)?;
        let range = asked.map(|asked| asked.check(record.size).map_err(|_| unsatisfiable(record.size))).transpose()?;
        let wanted = range.clone().unwrap_or(0..record.size);
        let pieces = backend.reads.pieces(&record).map_err(failed)?;
        match Stretch::open(&backend.bodies, &pieces, record.size, wanted) {
            Ok(stretch) => {
                let content = Content { length: stretch.length(), blob: blob(stretch)?, range };
                return Ok((record, content));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && missing != Some(record.body) => missing = Some(record.body),
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::InvalidData => {
                return Err(failed(StoreError::DamagedBody));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

fn lookup(backend: &Backend, bucket: &str, key: &str) -> S3Result<Box<ObjectRecord>> {
    match backend.reads.lookup(bucket, key).map_err(failed)? {
        Lookup::NoBucket => Err(no_such_bucket()),
        Lookup::NoKey => Err(no_such_key()),
        Lookup::Found(record) => Ok(record),
    }
}

fn blob(stretch: Stretch) -> S3Result<StreamingBlob> {
    if stretch.length() <= PIECE as u64 {
        let bytes = stretch.read_to_end().map_err(|_| failed(StoreError::DamagedBody))?;
        return Ok(StreamingBlob::from(Body::from(Bytes::from(bytes))));
    }
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(stretch.into_reader(), PIECE)))
}

/// Preconditions of reads, in the order of RFC 9110 section 13.2.2.
struct ReadConditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    fn check(&self, record: &ObjectRecord) -> S3Result<()> {
        let etag = ETag::Strong(record.etag.clone());
        let modified = whole_seconds(record.modified_ms);
        let modified_after = |time: &Timestamp| modified > OffsetDateTime::from(time.clone());
        let holds = match (&self.if_match, &self.if_unmodified_since) {
            (Some(ETagCondition::ETag(wanted)), _) => wanted.strong_cmp(&etag),
            (Some(ETagCondition::Any), _) | (None, None) => true,
            (None, Some(since)) => !modified_after(since),
        };
        if !holds {
            return Err(precondition_failed());
        }
        let changed = match (&self.if_none_match, &self.if_modified_since) {
            (Some(ETagCondition::ETag(known)), _) => !known.weak_cmp(&etag),
            (Some(ETagCondition::Any), _) => false,
            (None, Some(since)) => modified_after(since),
            (None, None) => true,
        };
        if changed { Ok(()) } else { Err(not_modified(record)) }
    }
}

/// HTTP dates have no milliseconds: compared with them, a client that sends `Last-Modified` back would never see a 304.
fn whole_seconds(ms: i64) -> OffsetDateTime {
    from_ms(ms - ms.rem_euclid(1000))
}

fn not_modified(record: &ObjectRecord) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", record.etag)) {
        headers.insert(header::ETAG, etag);
    }
    let mut modified = Vec::new();
    let formatted = Timestamp::from(from_ms(record.modified_ms)).format(TimestampFormat::HttpDate, &mut modified);
    if let (Ok(()), Ok(modified)) = (formatted, HeaderValue::from_bytes(&modified)) {
        headers.insert(header::LAST_MODIFIED, modified);
    }
    let mut unchanged = error(S3ErrorCode::NotModified, "the object has not changed");
    unchanged.set_headers(headers);
    unchanged
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

fn checksum_type(record: &ObjectRecord) -> ChecksumType {
    ChecksumType::from_static(if record.is_composite() { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn content_type(stored: Option<String>) -> String {
    stored.unwrap_or_else(|| "application/octet-stream".to_owned())
}
