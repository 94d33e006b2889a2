//! Reads of uploads in parts.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::change::UploadPlace;
use super::checksum::{Checksums, Summing};

/// What a look-up of an upload found.
#[derive(Debug)]
pub(crate) enum UploadLookup<T> {
    /// There is no such bucket.
    NoBucket,
    /// There is no such upload for this key, or it is over.
    NoUpload,
    /// What was asked.
    Found(T),
}

/// A page of the parts of an upload.
#[derive(Debug)]
pub(crate) struct PartsPage {
    /// How it is summed up, where that was asked for when it began.
    pub(crate) summing: Option<Summing>,
    pub(crate) parts: Vec<PartRecord>,
    pub(crate) is_truncated: bool,
}

/// A part that was uploaded.
#[derive(Debug)]
pub(crate) struct PartRecord {
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Base64.
    pub(crate) sha256: String,
    pub(crate) checksums: Checksums,
    pub(crate) modified_ms: i64,
}

/// Which uploads to list.
#[derive(Debug, Clone)]
pub(crate) struct UploadsRequest {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Empty for the first.
    pub(crate) after_key: String,
    /// Of the uploads of `after_key`, those after this one too.
    pub(crate) after_id: Option<String>,
    pub(crate) most: usize,
}

/// A page of the uploads of a bucket, by key and id.
#[derive(Debug)]
pub(crate) struct UploadsPage {
    pub(crate) uploads: Vec<UploadRecord>,
    pub(crate) is_truncated: bool,
}

/// An upload that goes on.
#[derive(Debug)]
pub(crate) struct UploadRecord {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) started_ms: i64,
    pub(crate) summing: Option<Summing>,
}

/// How an upload is summed up, and its parts above `after`, `most` of them.
pub(super) fn parts(
    connection: &Connection,
    place: &UploadPlace,
    after: u32,
    most: usize,
) -> rusqlite::Result<UploadLookup<PartsPage>> {
    let snapshot = connection.unchecked_transaction()?;
    let found = snapshot
        .prepare_cached(
            "SELECT u.id IS NOT NULL, u.algorithm, u.checksum_type FROM buckets b
             LEFT JOIN uploads u ON u.bucket = b.id AND u.key = ?2 AND u.id = ?3 AND u.completed IS NULL WHERE b.name = ?1",
        )?
        .query_row(params![place.bucket, place.key.as_bytes(), place.id], |row| Ok((row.get(0)?, summing(row, 1)?)))
        .optional()?;
    let summing = match found {
        None => return Ok(UploadLookup::NoBucket),
        Some((false, _)) => return Ok(UploadLookup::NoUpload),
        Some((true, summing)) => summing,
    };
    let mut statement = snapshot.prepare_cached(
        "SELECT number, size, etag, sha256, checksums, modified_ms FROM parts WHERE upload = ?1 AND number > ?2
         ORDER BY number LIMIT ?3",
    )?;
    let rows = statement.query_map(params![place.id, after, one_more(most)], |row| {
        Ok(PartRecord {
            number: row.get(0)?,
            size: row.get::<_, i64>(1)?.unsigned_abs(),
            etag: row.get(2)?,
            sha256: row.get(3)?,
            checksums: checksums(row, 4)?,
            modified_ms: row.get(5)?,
        })
    })?;
    let mut parts = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_truncated = parts.len() > most;
    parts.truncate(most);
    Ok(UploadLookup::Found(PartsPage { summing, parts, is_truncated }))
}

/// A page of uploads; `None` if there is no such bucket.
pub(super) fn page(connection: &Connection, request: &UploadsRequest) -> rusqlite::Result<Option<UploadsPage>> {
    let snapshot = connection.unchecked_transaction()?;
    let bucket: Option<i64> = snapshot
        .prepare_cached("SELECT id FROM buckets WHERE name = ?1")?
        .query_row([&request.bucket], |row| row.get(0))
        .optional()?;
    let Some(bucket) = bucket else { return Ok(None) };
    // Ids are hex, so none sorts above "~": without an id to go on from, every upload of the marker's key is behind us.
    let after_id = request.after_id.as_deref().unwrap_or("~");
    let mut statement = snapshot.prepare_cached(
        "SELECT key, id, started_ms, algorithm, checksum_type FROM uploads
         WHERE bucket = ?1 AND completed IS NULL AND substr(key, 1, ?2) = ?3 AND (key, id) > (?4, ?5) ORDER BY key, id LIMIT ?6",
    )?;
    let prefix = request.prefix.as_bytes();
    let length = i64::try_from(prefix.len()).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![bucket, length, prefix, request.after_key.as_bytes(), after_id, one_more(request.most)], |row| {
            Ok(UploadRecord { key: text(row, 0)?, id: row.get(1)?, started_ms: row.get(2)?, summing: summing(row, 3)? })
        })?;
    let mut uploads = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_truncated = uploads.len() > request.most;
    uploads.truncate(request.most);
    Ok(Some(UploadsPage { uploads, is_truncated }))
}

/// How an upload is summed up: its algorithm and checksum type, which begin at `column`.
pub(super) fn summing(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Summing>> {
    let (algorithm, kind): (Option<String>, Option<String>) = (row.get(column)?, row.get(column + 1)?);
    Ok(Summing::of_row(algorithm.as_deref(), kind.as_deref()))
}

/// The checksums of a part, which begin at `column`.
pub(super) fn checksums(row: &Row<'_>, column: usize) -> rusqlite::Result<Checksums> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    String::from_utf8(row.get(column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}

/// One row beyond a page tells whether there is another.
fn one_more(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX - 1) + 1
}
