//! `POST /v1/presign` and `GET /v1/presigned-url/{key}`: asking for URLs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::problem::ProblemCode;
use crate::wire::timestamp;

/// Most items of one batch.
pub const MAX_BATCH: usize = 1_000;

/// Body of `POST /v1/presign`: 1 to [`MAX_BATCH`] items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PresignBatch {
    /// The objects asked for.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub items: Vec<PresignItem>,
}

/// One object and what to do with it. Strings are checked item by item, so that one bad item does not fail the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PresignItem {
    /// `GET`, `HEAD`, `PUT` or `LIST`.
    pub method: String,
    /// The object's key; for `LIST` a folder's prefix, ending in `/`.
    pub key: String,
    /// `PUT`: exact number of bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// `PUT`: SHA-256 of the bytes, 64 lower-case hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `PUT` of one part of an attachment: its upload, as `POST /v1/multipart/create` named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// `PUT` of one part of an attachment: its number, 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64))]
    pub part_number: Option<u32>,
    /// `PUT` of a device file or doorbell: the ETag to replace, with its quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// `PUT` of a device file or doorbell: create only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_only: bool,
    /// `LIST`: most keys of a page, 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64))]
    pub max_keys: Option<u32>,
    /// `LIST`: where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<String>,
}

/// Reply of `POST /v1/presign`: one result an item, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PresignReply {
    /// The results.
    pub results: Vec<PresignOutcome>,
}

/// A URL or a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum PresignOutcome {
    /// Use this URL.
    Signed(SignedUrl),
    /// Not granted.
    Refused(Refusal),
}

/// A presigned URL and everything that must be sent with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedUrl {
    /// The HTTP method (`LIST` is a `GET`).
    pub method: String,
    /// The URL. A secret until it expires: whoever has it can use it.
    pub url: String,
    /// The signed headers, to be sent exactly so. `host` is left out: it is the URL's.
    pub headers: BTreeMap<String, String>,
    /// When the store stops accepting it.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: OffsetDateTime,
    /// When to ask for a fresh one rather than to use it.
    #[serde(with = "timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub renew_after: OffsetDateTime,
}

/// Why one item was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The stable code.
    pub code: ProblemCode,
    /// One sentence for people.
    pub message: String,
}
