//! A part that is a stretch of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>.
//!
//! The part has a body of its own. A source that is copied whole is checked on the way; of a stretch no checksum is kept.

use std::ops::Range;
use std::sync::Arc;

use s3s::dto::{CopyPartResult, ETag, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3ErrorCode, S3Result};

use super::part::{foresee, number};
use crate::body::WantedDigests;
use crate::clock::from_ms;
use crate::error::StoreError;
use crate::index::{Change, Checksums, NewPart, UploadPlace};
use crate::operation::condition::ReadConditions;
use crate::operation::content::open_current;
use crate::operation::copy::{read_to_file, source};
use crate::operation::expected::LARGEST;
use crate::operation::failure::{changed_at, error, internal, not_implemented, precondition_failed};
use crate::operation::{Backend, blocking};

pub(in crate::operation) async fn copy_part(
    backend: &Arc<Backend>,
    input: UploadPartCopyInput,
) -> S3Result<UploadPartCopyOutput> {
    if input.sse_customer_algorithm.is_some() || input.copy_source_sse_customer_algorithm.is_some() {
        return Err(not_implemented("server-side encryption is not supported"));
    }
    let number = number(input.part_number)?;
    let (source_bucket, source_key) = source(&input.copy_source)?;
    let asked = input.copy_source_range.as_deref().map(stretch).transpose()?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let place = UploadPlace { bucket: input.bucket, key: input.key, id: input.upload_id };
    let (change, copied) = blocking(backend, move |backend| {
        let (place, algorithm) = foresee(backend, place)?;
        let (record, content, is_whole) = open_current(backend, &source_bucket, &source_key, |record| {
            // Of a copy, no condition is answered with 304.
            conditions.check(record).map_err(|_| precondition_failed())?;
            let wanted = asked.clone().unwrap_or(0..record.size);
            if wanted.end > record.size {
                return Err(error(S3ErrorCode::InvalidArgument, "x-amz-copy-source-range reaches beyond its source"));
            }
            if wanted.end - wanted.start > LARGEST {
                return Err(error(S3ErrorCode::EntityTooLarge, "a part takes at most 5 GiB"));
            }
            let is_whole = wanted == (0..record.size);
            Ok((wanted, is_whole))
        })?;
        let mut wanted = WantedDigests::default();
        if let Some(algorithm) = algorithm {
            algorithm.add_to(&mut wanted);
        }
        let (body, digests) = read_to_file(backend, content, wanted)?;
        if is_whole && !record.is_composite() && digests.sha256 != record.sha256 {
            return Err(internal(&StoreError::DamagedBody));
        }
        let (size, etag, sha256) = (digests.length, digests.etag.clone(), digests.sha256.clone());
        let part = NewPart { number, size, etag, sha256, checksums: Checksums::from(&digests), body };
        Ok((Change::PutPart { place, part: Box::new(part) }, digests))
    })
    .await?;
    let at_ms = changed_at(backend.writer.submit(change).await)?;
    let result = CopyPartResult {
        e_tag: Some(ETag::Strong(copied.etag)),
        last_modified: Some(from_ms(at_ms).into()),
        checksum_sha256: Some(copied.sha256),
        checksum_sha1: copied.sha1,
        checksum_crc32: copied.crc32,
        checksum_crc32c: copied.crc32c,
        checksum_crc64nvme: copied.crc64nvme,
    };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
}

/// The bytes that `bytes=first-last` names; no other form is a stretch of a source.
fn stretch(range: &str) -> S3Result<Range<u64>> {
    let malformed = || error(S3ErrorCode::InvalidArgument, "x-amz-copy-source-range is bytes=first-last");
    let number = |digits: &str| -> Option<u64> {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(malformed)?;
    let (first, last) = number(first).zip(number(last)).filter(|(first, last)| first <= last).ok_or_else(malformed)?;
    last.checked_add(1).map(|end| first..end).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_a_first_and_a_last_byte() {
        assert_eq!(stretch("bytes=0-0").unwrap(), 0..1);
        assert_eq!(stretch("bytes=5-99").unwrap(), 5..100);
        for malformed in [
            "",
            "bytes=",
            "bytes=5-",
            "bytes=-5",
            "bytes=6-5",
            "bytes=+1-2",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=0-18446744073709551615",
        ] {
            assert!(stretch(malformed).is_err(), "{malformed}");
        }
    }
}
