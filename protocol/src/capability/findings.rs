//! What a probe of a store found: every capability and every attack by name.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Precondition;

/// How a store takes something that it may or may not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// It does what it says.
    Works,
    /// Accepted, and nothing comes of it.
    Ignored,
    /// Refused with an error.
    Refused,
    /// It answers as if it did, and the outcome is wrong.
    Broken,
    /// Not found out, or of a later version.
    #[serde(other)]
    Unknown,
}

/// What somebody could try who holds a presigned URL, or nothing at all. Each is carried out against the real store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// An unsigned `x-amz-copy-source` on a presigned PUT copies an object that the URL's holder may not read.
    CopySource,
    /// The same on a presigned part of an upload.
    CopySourcePart,
    /// An unsigned `x-minio-force-delete` on a DELETE by a signing credential removes all keys that begin with the signed one.
    ForceDelete,
    /// An unsigned `x-amz-acl` on a presigned PUT opens the object to everybody.
    UnsignedAcl,
    /// A URL signed for one key reaches another by `..`, `.`, empty or escaped segments.
    PathNormalisation,
    /// A URL signed for one key works on another.
    AlteredKey,
    /// A listing signed for one prefix lists another.
    AlteredQuery,
    /// A URL signed for one method works with another.
    AlteredMethod,
    /// A URL that pins a SHA-256 stores other bytes.
    WrongChecksum,
    /// A URL that pins a SHA-256 stores bytes that come without it.
    MissingChecksum,
    /// A URL that pins a length stores another one.
    WrongLength,
    /// A URL that pins a condition stores without it.
    MissingCondition,
    /// A URL works after its end.
    ExpiredUrl,
    /// Whoever has no credential reads objects.
    AnonymousRead,
    /// Whoever has no credential lists the bucket.
    AnonymousList,
    /// Whoever has no credential writes objects.
    AnonymousWrite,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Attack {
    /// Every attack that this version carries out.
    pub const ALL: [Self; 16] = [
        Self::CopySource,
        Self::CopySourcePart,
        Self::ForceDelete,
        Self::UnsignedAcl,
        Self::PathNormalisation,
        Self::AlteredKey,
        Self::AlteredQuery,
        Self::AlteredMethod,
        Self::WrongChecksum,
        Self::MissingChecksum,
        Self::WrongLength,
        Self::MissingCondition,
        Self::ExpiredUrl,
        Self::AnonymousRead,
        Self::AnonymousList,
        Self::AnonymousWrite,
    ];

    /// Its name in JSON, in settings and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopySource => "copy-source",
            Self::CopySourcePart => "copy-source-part",
            Self::ForceDelete => "force-delete",
            Self::UnsignedAcl => "unsigned-acl",
            Self::PathNormalisation => "path-normalisation",
            Self::AlteredKey => "altered-key",
            Self::AlteredQuery => "altered-query",
            Self::AlteredMethod => "altered-method",
            Self::WrongChecksum => "wrong-checksum",
            Self::MissingChecksum => "missing-checksum",
            Self::WrongLength => "wrong-length",
            Self::MissingCondition => "missing-condition",
            Self::ExpiredUrl => "expired-url",
            Self::AnonymousRead => "anonymous-read",
            Self::AnonymousList => "anonymous-list",
            Self::AnonymousWrite => "anonymous-write",
            Self::Unknown => "unknown",
        }
    }

    /// The attack of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attack| attack.name() == name)
    }
}

/// How an attack ended. Judged by what is stored and what was handed out afterwards, never by a status alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttackOutcome {
    /// The store said no, and nothing came of it.
    Refused,
    /// The store said yes to the request, and the attacking part of it came to nothing.
    SilentlyIgnored,
    /// It did what it was meant to do.
    Succeeded,
    /// The honest request beside it failed as well, so that a refusal says nothing. Counts as a success for whoever decides.
    #[serde(other)]
    Inconclusive,
}

impl AttackOutcome {
    /// Whether nobody has to fear it: it is known to come to nothing.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        match self {
            Self::Refused | Self::SilentlyIgnored => true,
            Self::Succeeded | Self::Inconclusive => false,
        }
    }
}

/// One attack and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttackFinding {
    /// The attack.
    pub name: Attack,
    /// How it ended.
    pub outcome: AttackOutcome,
}

/// A right that a credential has and should not have. None of these opens anything by itself: the broker signs nothing that would
/// use it. Each takes away one of two walls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExcessRight {
    /// The key that signs reading can write objects.
    ReadKeyWrites,
    /// It can delete objects.
    ReadKeyDeletes,
    /// It can read the broker's own state.
    ReadKeyReadsState,
    /// The key that signs writing can read objects.
    WriteKeyReads,
    /// It can list them.
    WriteKeyLists,
    /// It can delete objects.
    WriteKeyDeletes,
    /// It can write the broker's own state.
    WriteKeyWritesState,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What LIST is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListFindings {
    /// What was written is listed at once, and what was deleted no more.
    pub consistent: bool,
    /// Entries carry the ETag that HEAD tells.
    pub etags: bool,
    /// Keys come in the order of their bytes.
    pub ordered: bool,
    /// Pages by continuation token hold every key exactly once.
    pub pages: bool,
    /// Nothing but keys that begin with the prefix is listed.
    pub exact_prefix: bool,
}

/// What a browser's preflight request got for one origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CorsFinding {
    /// The web origin.
    pub origin: String,
    /// Whether pages of that origin may use presigned URLs, for reading and for writing with all headers that are signed.
    pub allowed: bool,
}

/// What a probe of the store found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoreFindings {
    /// Which set of checks was made; a later version of the probe makes them anew.
    pub probe_version: u32,
    /// When.
    #[serde(with = "crate::wire::timestamp")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub probed_at: OffsetDateTime,
    /// What the store's clock is ahead of the prober's, in milliseconds; its `Date` has whole seconds.
    pub clock_offset_ms: i64,
    /// `If-Match` on DELETE.
    pub conditional_delete: Precondition,
    /// `If-None-Match: *` on the completion of an upload in parts.
    pub conditional_complete: Precondition,
    /// `If-None-Match` on GET: 304 for what is unchanged, and only for that.
    pub conditional_get: Support,
    /// Uploads in parts with a SHA-256 for each.
    pub multipart: Support,
    /// Bodies with a CRC32 in a trailer, as the SDKs of AWS send them by default.
    pub crc32_trailers: Support,
    /// Temporary credentials (AssumeRole) are to be had where the store is.
    pub sts: Support,
    /// What LIST is good for.
    pub list: ListFindings,
    /// Whether a URL signed for `a//b` reaches `a/b`. Harmless here, since no key with an empty segment is ever signed.
    pub normalises_keys: bool,
    /// What browsers may do, for each origin that was asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cors: Vec<CorsFinding>,
    /// Every attack that was carried out.
    pub attacks: Vec<AttackFinding>,
    /// Rights that a credential has and should not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excess_rights: Vec<ExcessRight>,
}

impl StoreFindings {
    /// How an attack ended; `Inconclusive` where it was not carried out.
    #[must_use]
    pub fn outcome(&self, attack: Attack) -> AttackOutcome {
        let found = self.attacks.iter().find(|finding| finding.name == attack);
        found.map_or(AttackOutcome::Inconclusive, |finding| finding.outcome)
    }
}
