//! One row of the index.

use std::collections::BTreeMap;

use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::checksum::{Checksums, Kind};
use crate::body::BodyId;

/// What the index knows of an object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectRecord {
    /// Bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Base64; of an object in parts the composite, without its number of parts.
    pub(crate) sha256: String,
    pub(crate) modified_ms: i64,
    /// Its body; of an object in parts the body of its first piece.
    pub(crate) body: BodyId,
    pub(crate) attributes: Attributes,
    /// Number of its pieces; 0 if it was written in one.
    pub(crate) part_count: u32,
    /// Whether its bytes lie in the index.
    pub(crate) is_small: bool,
}

impl ObjectRecord {
    /// Columns in the order that [`Self::from_row`] reads them.
    pub(crate) const COLUMNS: &str = "o.size, o.etag, o.sha256, o.modified_ms, o.body, o.attributes, o.part_count, o.small";

    /// Reads [`Self::COLUMNS`], which begin at column `first`.
    pub(crate) fn from_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        let attributes = Attributes::from_row(row, first + 5)?;
        Ok(Self {
            size: row.get::<_, i64>(first)?.unsigned_abs(),
            etag: row.get(first + 1)?,
            sha256: row.get(first + 2)?,
            modified_ms: row.get(first + 3)?,
            body: BodyId(row.get::<_, i64>(first + 4)?.unsigned_abs()),
            attributes,
            part_count: row.get(first + 6)?,
            is_small: row.get(first + 7)?,
        })
    }

    /// Whether it was uploaded in parts.
    pub(crate) const fn is_composite(&self) -> bool {
        self.part_count > 0
    }

    /// The checksums that are told of it. An answer names one kind, so of an object in parts it is that which its upload asked for, and
    /// the composite SHA-256 where it asked for none.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
    pub(crate) fn told(&self) -> ToldChecksums {
        let others = self.attributes.checksums.clone();
        if !self.is_composite() {
            return ToldChecksums { sha256: Some(self.sha256.clone()), others, kind: Kind::FullObject };
        }
        if others.is_empty() {
            let sha256 = Some(format!("{}-{}", self.sha256, self.part_count));
            return ToldChecksums { sha256, others, kind: Kind::Composite };
        }
        let kind = if others.is_composite() { Kind::Composite } else { Kind::FullObject };
        ToldChecksums { sha256: None, others, kind }
    }
}

/// Checksums as S3 writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldChecksums {
    pub(crate) sha256: Option<String>,
    pub(crate) others: Checksums,
    pub(crate) kind: Kind,
}

/// Where the bytes of an object are.
#[derive(Debug)]
pub(crate) enum Contents {
    /// Here.
    Bytes(Vec<u8>),
    /// In files, in this order.
    Files(Vec<Piece>),
}

/// A file that holds a stretch of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) body: BodyId,
    /// Bytes.
    pub(crate) size: u64,
}

/// Headers that are stored with an object and answered with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    /// `x-amz-meta-*`, without the prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    /// Checksums beside SHA-256 that the object was written with; of an object in parts the one that its upload asked for.
    #[serde(skip_serializing_if = "Checksums::is_empty")]
    pub(crate) checksums: Checksums,
}

impl Attributes {
    pub(super) fn from_row(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let text: String = row.get(column)?;
        serde_json::from_str(&text)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings always serialise")
    }
}
