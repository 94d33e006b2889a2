//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>

use std::ops::RangeInclusive;
use std::sync::Arc;

use s3s::dto::{ETag, UploadPartInput, UploadPartOutput};
use s3s::{S3ErrorCode, S3Request, S3Result};

use crate::index::{Algorithm, Change, Checksums, NewPart, UploadLookup, UploadPlace};
use crate::operation::expected::Expected;
use crate::operation::failure::{error, failed, no_such_bucket, no_such_upload, not_implemented, settled};
use crate::operation::receive::receive;
use crate::operation::{Backend, blocking};

const NUMBERS: RangeInclusive<u32> = 1..=10_000;

pub(in crate::operation) async fn put_part(
    backend: &Arc<Backend>,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let input = &request.input;
    if input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some() {
        return Err(not_implemented("server-side encryption is not supported"));
    }
    let number = number(input.part_number)?;
    let place = UploadPlace { bucket: input.bucket.clone(), key: input.key.clone(), id: input.upload_id.clone() };
    let expected = Expected::of_part(&request)?;
    let (place, algorithm) = blocking(backend, move |backend| foresee(backend, place)).await?;
    let expected = expected.summed_by(algorithm);
    let received = receive(&backend.bodies, request.input.body.take(), &expected).await?;
    expected.check(received.digests(), request.trailing_headers.as_ref())?;

    let digests = received.digests().clone();
    let change = blocking(backend, move |backend| {
        let digests = received.digests().clone();
        let checksums = Checksums::from(&digests);
        let body = received.stage(&backend.bodies).map_err(failed)?;
        let part = NewPart { number, size: digests.length, etag: digests.etag, sha256: digests.sha256, checksums, body };
        Ok(Change::PutPart { place, part: Box::new(part) })
    })
    .await?;
    settled(backend.writer.submit(change).await)?;
    Ok(UploadPartOutput {
        e_tag: Some(ETag::Strong(digests.etag)),
        checksum_sha256: Some(digests.sha256),
        checksum_crc32: digests.crc32,
        checksum_crc32c: digests.crc32c,
        checksum_crc64nvme: digests.crc64nvme,
        checksum_sha1: digests.sha1,
        ..Default::default()
    })
}

pub(super) fn number(asked: i32) -> S3Result<u32> {
    let number = u32::try_from(asked).ok().filter(|number| NUMBERS.contains(number));
    number.ok_or_else(|| error(S3ErrorCode::InvalidArgument, "part numbers are 1 to 10,000"))
}

/// Spares the disk the parts of an upload that is over; the commit decides for the rest. With what the upload is summed up by.
pub(super) fn foresee(backend: &Backend, place: UploadPlace) -> S3Result<(UploadPlace, Option<Algorithm>)> {
    match backend.reads.parts(&place, 0, 0).map_err(failed)? {
        UploadLookup::NoBucket => Err(no_such_bucket()),
        UploadLookup::NoUpload => Err(no_such_upload()),
        UploadLookup::Found(page) => Ok((place, page.summing.map(|summing| summing.algorithm))),
    }
}
