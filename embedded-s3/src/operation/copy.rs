//! COPY of an object: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>.
//!
//! The copy has a body of its own, and what is read is checked on the way: damage does not spread.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use s3s::dto::{
    ChecksumAlgorithm, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag, ETagCondition, MetadataDirective,
};
use s3s::{S3ErrorCode, S3Request, S3Result};

use super::condition::{ReadConditions, condition};
use super::content::{Content, open_current};
use super::expected::LARGEST;
use super::failure::{changed_at, error, failed, internal, not_implemented, precondition_failed};
use super::headers::{stored_headers, unsupported};
use super::{Backend, blocking};
use crate::body::{BodyDigests, Digester, NewBody, StagedBody, TempBody, WantedDigests};
use crate::clock::from_ms;
use crate::error::StoreError;
use crate::index::{Change, Checksums, Condition, NewObject};

pub(super) async fn copy(backend: &Arc<Backend>, mut request: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let input = &mut request.input;
    unsupported!(input, append: false).refuse()?;
    if input.copy_source_sse_customer_algorithm.is_some() {
        return Err(not_implemented("server-side encryption is not supported"));
    }
    let (source_bucket, source_key) = source(&input.copy_source)?;
    let replaced = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => None,
        Some(MetadataDirective::REPLACE) => Some(stored_headers!(input).into_attributes()?),
        Some(_) => return Err(error(S3ErrorCode::InvalidArgument, "x-amz-metadata-directive is COPY or REPLACE")),
    };
    if replaced.is_none() && source_bucket == input.bucket && source_key == input.key {
        return Err(error(S3ErrorCode::InvalidRequest, "an object is copied onto itself only to replace its metadata"));
    }
    let wanted = wanted(input.checksum_algorithm.as_ref())?;
    let condition = target_condition(&request.headers)?;
    let conditions = ReadConditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let (bucket, key) = (input.bucket.clone(), input.key.clone());

    let (change, copied) = blocking(backend, move |backend| {
        let (record, content, ()) = open_current(backend, &source_bucket, &source_key, |record| {
            // Of a copy, no condition is answered with 304.
            conditions.check(record).map_err(|_| precondition_failed())?;
            if record.size > LARGEST {
                return Err(error(S3ErrorCode::InvalidRequest, "objects of more than 5 GiB are copied in parts"));
            }
            Ok((0..record.size, ()))
        })?;
        let composite = record.is_composite();
        let (body, digests) = read(backend, content, wanted)?;
        if !composite && digests.sha256 != record.sha256 {
            return Err(internal(&StoreError::DamagedBody));
        }
        let mut attributes = replaced.unwrap_or(record.attributes);
        attributes.checksums = Checksums::from(&digests);
        let (size, etag, sha256) = (digests.length, digests.etag.clone(), digests.sha256.clone());
        let object = Box::new(NewObject { size, etag, sha256, attributes, body });
        Ok((Change::Put { bucket, key, condition, object }, digests))
    })
    .await?;
    let at_ms = changed_at(backend.writer.submit(change).await)?;
    let result = CopyObjectResult {
        e_tag: Some(ETag::Strong(copied.etag)),
        last_modified: Some(from_ms(at_ms).into()),
        checksum_sha256: Some(copied.sha256),
        checksum_sha1: copied.sha1,
        checksum_crc32: copied.crc32,
        checksum_crc32c: copied.crc32c,
        checksum_crc64nvme: copied.crc64nvme,
        ..Default::default()
    };
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

/// Bucket and key that a copy is made of.
pub(crate) fn source(source: &CopySource) -> S3Result<(String, String)> {
    match source {
        CopySource::Bucket { bucket, key, version_id } if version_id.as_deref().is_none_or(|version| version == "null") => {
            Ok((bucket.to_string(), key.to_string()))
        }
        CopySource::Bucket { .. } => Err(error(S3ErrorCode::NoSuchVersion, "there are no versions here")),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(not_implemented("the source of a copy is a bucket and a key"))
        }
    }
}

/// The precondition on what the copy replaces; `s3s` does not read it.
fn target_condition(headers: &HeaderMap) -> S3Result<Condition> {
    let parsed = |name| {
        let parse = |value: &http::HeaderValue| ETagCondition::parse_http_header(value.as_bytes());
        let malformed = |_| error(S3ErrorCode::InvalidArgument, "If-Match or If-None-Match is not an ETag");
        headers.get(name).map(parse).transpose().map_err(malformed)
    };
    condition(parsed(IF_MATCH)?.as_ref(), parsed(IF_NONE_MATCH)?.as_ref())
}

fn wanted(algorithm: Option<&ChecksumAlgorithm>) -> S3Result<WantedDigests> {
    let none = WantedDigests::default();
    match algorithm.map(ChecksumAlgorithm::as_str) {
        None | Some(ChecksumAlgorithm::SHA256) => Ok(none),
        Some(ChecksumAlgorithm::CRC32) => Ok(WantedDigests { crc32: true, ..none }),
        Some(ChecksumAlgorithm::CRC32C) => Ok(WantedDigests { crc32c: true, ..none }),
        Some(ChecksumAlgorithm::CRC64NVME) => Ok(WantedDigests { crc64nvme: true, ..none }),
        Some(ChecksumAlgorithm::SHA1) => Ok(WantedDigests { sha1: true, ..none }),
        Some(_) => Err(error(S3ErrorCode::InvalidArgument, "the checksum algorithm is not known")),
    }
}

/// Reads all of it into a body of its own.
fn read(backend: &Arc<Backend>, content: Content, wanted: WantedDigests) -> S3Result<(NewBody, BodyDigests)> {
    match content {
        Content::Bytes(bytes) => {
            let mut digester = Digester::new(wanted);
            digester.update(&bytes);
            Ok((NewBody::of(&backend.bodies, bytes.into()).map_err(failed)?, digester.finish()))
        }
        files @ Content::Files(_) => read_to_file(backend, files, wanted).map(|(body, digests)| (NewBody::File(body), digests)),
    }
}

/// Reads all of it into a file of its own, whatever its size.
pub(super) fn read_to_file(
    backend: &Arc<Backend>,
    content: Content,
    wanted: WantedDigests,
) -> S3Result<(StagedBody, BodyDigests)> {
    let mut digester = Digester::new(wanted);
    let mut file = TempBody::create(Arc::clone(&backend.bodies)).map_err(failed)?;
    let written = content.read_in_pieces(|piece| {
        digester.update(piece);
        file.write(piece)
    });
    written.map_err(failed)?;
    Ok((file.stage().map_err(failed)?, digester.finish()))
}
