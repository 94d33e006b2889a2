//! What a bucket is told beside its objects: by name, as JSON; and how a bucket goes.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::change::Refused;
use super::writer::{Decided, Effect, bucket_id};

/// Name of the rules for requests from other origins.
pub(crate) const CORS: &str = "cors";
/// Name of the rules for what goes by itself.
pub(crate) const LIFECYCLE: &str = "lifecycle";

/// Uploads in parts under a prefix are given up after some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LifecycleRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) prefix: String,
    pub(crate) abort_after_days: u32,
}

pub(super) fn configure(
    transaction: &Transaction<'_>,
    bucket: &str,
    name: &str,
    value: Option<&str>,
) -> rusqlite::Result<Decided> {
    let Some(bucket) = bucket_id(transaction, bucket)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    match value {
        Some(value) => transaction
            .prepare_cached("INSERT OR REPLACE INTO bucket_settings (bucket, name, value) VALUES (?1, ?2, ?3)")?
            .execute(params![bucket, name, value])?,
        None => transaction
            .prepare_cached("DELETE FROM bucket_settings WHERE bucket = ?1 AND name = ?2")?
            .execute(params![bucket, name])?,
    };
    Ok(Ok(Effect { changed: true, ..Effect::default() }))
}

/// Uploads that go on hold a bucket as objects do; what remains of completed ones does not.
pub(super) fn delete_bucket(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Decided> {
    let Some(bucket) = bucket_id(transaction, name)? else {
        return Ok(Err(Refused::NoSuchBucket));
    };
    let holds: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM objects WHERE bucket = ?1)
             OR EXISTS (SELECT 1 FROM uploads WHERE bucket = ?1 AND completed IS NULL)",
        [bucket],
        |row| row.get(0),
    )?;
    if holds {
        return Ok(Err(Refused::BucketNotEmpty));
    }
    for statement in [
        "DELETE FROM uploads WHERE bucket = ?1",
        "DELETE FROM bucket_settings WHERE bucket = ?1",
        "DELETE FROM buckets WHERE id = ?1",
    ] {
        transaction.execute(statement, [bucket])?;
    }
    Ok(Ok(Effect { changed: true, ..Effect::default() }))
}

/// What the bucket was told under this name; `None` if there is no such bucket.
pub(super) fn value(connection: &Connection, bucket: &str, name: &str) -> rusqlite::Result<Option<Option<String>>> {
    connection
        .prepare_cached(
            "SELECT s.value FROM buckets b LEFT JOIN bucket_settings s ON s.bucket = b.id AND s.name = ?2 WHERE b.name = ?1",
        )?
        .query_row([bucket, name], |row| row.get(0))
        .optional()
}

/// What every bucket was told under this name.
pub(super) fn of_all(connection: &Connection, name: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection
        .prepare_cached("SELECT b.name, s.value FROM bucket_settings s JOIN buckets b ON b.id = s.bucket WHERE s.name = ?1")?;
    let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The lifecycle of every bucket that has one, by the bucket's number.
pub(super) fn lifecycles(connection: &Connection) -> rusqlite::Result<Vec<(i64, Vec<LifecycleRule>)>> {
    let mut statement = connection.prepare_cached("SELECT bucket, value FROM bucket_settings WHERE name = ?1")?;
    let rows = statement.query_map([LIFECYCLE], |row| {
        let value: String = row.get(1)?;
        let rules = serde_json::from_str(&value)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(error)))?;
        Ok((row.get(0)?, rules))
    })?;
    rows.collect()
}
