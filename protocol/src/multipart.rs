//! `POST /v1/multipart/...`: attachments that are uploaded in parts.
//!
//! Stores offer a SHA-256 of a multipart object only as a hash over the hashes of its parts, so the parts are fixed: each exactly
//! [`PART_BYTES`], the last one shorter. The hash of such an object is then a function of its bytes, and its key certifies it as any
//! other.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::key::Sha256;
use crate::limits::MAX_SINGLE_PUT_CONTENT_BYTES;

/// Bytes of every part but the last, as stored.
pub const PART_BYTES: u64 = 16 * 1024 * 1024;
/// Most parts of an object: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
pub const MAX_PARTS: u32 = 10_000;
/// The fewest stored bytes that are uploaded in parts: content that fits one PUT takes one PUT.
pub const MIN_UPLOAD_BYTES: u64 = MAX_SINGLE_PUT_CONTENT_BYTES + 1;
/// The most stored bytes of an object in parts: 156.25 GiB.
pub const MAX_UPLOAD_BYTES: u64 = PART_BYTES * MAX_PARTS as u64;

/// Body of `POST /v1/multipart/create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateUploadRequest {
    /// The attachment's key.
    pub key: String,
    /// Bytes of the whole object as stored.
    pub length: u64,
    /// SHA-256 over the concatenated SHA-256s of the parts, 64 lower-case hex digits.
    pub sha256: String,
}

/// Reply of `POST /v1/multipart/create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreateUploadReply {
    /// Names the upload, for this key and length alone.
    pub upload_id: String,
    /// Bytes of every part but the last.
    pub part_bytes: u64,
    /// Number of parts.
    pub part_count: u32,
}

/// Body of `POST /v1/multipart/parts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadPartsRequest {
    /// The attachment's key.
    pub key: String,
    /// The upload, as `create` named it.
    pub upload_id: String,
    /// List the parts after this number; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64))]
    pub after: Option<u32>,
}

/// Reply of `POST /v1/multipart/parts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum UploadPartsReply {
    /// The upload goes on.
    Open(UploadedParts),
    /// There is no such upload any more, because the object is whole.
    Stored,
}

/// A page of the parts that the store has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadedParts {
    /// The parts, by number.
    pub parts: Vec<UploadedPart>,
    /// Where there are more: the `after` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// One part that the store has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadedPart {
    /// From 1.
    pub number: u32,
    /// Bytes.
    pub length: u64,
    /// SHA-256 of its bytes, where the store tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

/// Body of `POST /v1/multipart/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteUploadRequest {
    /// The attachment's key.
    pub key: String,
    /// The upload, as `create` named it.
    pub upload_id: String,
    /// SHA-256 of each part in order, 64 lower-case hex digits.
    pub parts: Vec<String>,
}

/// Reply of `POST /v1/multipart/complete`: the object is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompleteUploadReply {
    /// Its bytes.
    pub length: u64,
}

/// Body of `POST /v1/multipart/abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AbortUploadRequest {
    /// The attachment's key.
    pub key: String,
    /// The upload, as `create` named it.
    pub upload_id: String,
}

/// Reply of `POST /v1/multipart/abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum AbortUploadReply {
    /// The upload and its parts are gone.
    Aborted,
    /// There was none: never, not any more, or it was completed. A whole object stays.
    Absent,
}

/// Number of parts of an object of so many bytes; `None` if it is not uploaded in parts.
#[must_use]
pub fn part_count(length: u64) -> Option<u32> {
    if !(MIN_UPLOAD_BYTES..=MAX_UPLOAD_BYTES).contains(&length) {
        return None;
    }
    u32::try_from(length.div_ceil(PART_BYTES)).ok()
}

/// Bytes of part `number`, from 1, of an object of `length` bytes; `None` if it has no such part.
#[must_use]
pub fn part_length(length: u64, number: u32) -> Option<u64> {
    let count = part_count(length)?;
    if number == 0 || number > count {
        return None;
    }
    let before = u64::from(number - 1) * PART_BYTES;
    Some(PART_BYTES.min(length - before))
}

/// The hash of an object in parts: SHA-256 over the concatenated hashes of its parts.
///
/// S3 writes it as `{base64}-{number of parts}`:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>.
#[must_use]
pub fn composite_sha256(parts: &[Sha256]) -> Sha256 {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
    }
    Sha256::from_bytes(hasher.finalize().into())
}

/// Hashes an object part by part, from pieces of any size.
#[derive(Debug, Clone, Default)]
pub struct PartHasher {
    current: sha2::Sha256,
    in_current: u64,
    length: u64,
    parts: Vec<Sha256>,
}

impl PartHasher {
    /// Begins an object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = PART_BYTES - self.in_current;
            let taken = usize::try_from(room).map_or(piece.len(), |room| room.min(piece.len()));
            let (now, later) = piece.split_at(taken);
            self.current.update(now);
            self.in_current += now.len() as u64;
            self.length += now.len() as u64;
            if self.in_current == PART_BYTES {
                self.close_part();
            }
            piece = later;
        }
    }

    /// The hashes of all parts; an object without bytes has none.
    #[must_use]
    pub fn finish(mut self) -> PartHashes {
        if self.in_current > 0 {
            self.close_part();
        }
        PartHashes { length: self.length, parts: self.parts }
    }

    fn close_part(&mut self) {
        self.parts.push(Sha256::from_bytes(self.current.finalize_reset().into()));
        self.in_current = 0;
    }
}

/// The hashes of an object's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHashes {
    /// Bytes of the object.
    pub length: u64,
    /// SHA-256 of each part, in order.
    pub parts: Vec<Sha256>,
}

impl PartHashes {
    /// The object's hash, see [`composite_sha256`].
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        composite_sha256(&self.parts)
    }
}
