//! Reads of the index, on connections of their own: a reader never waits for the writer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::change::UploadPlace;
use super::page::{self, ListRequest, Page};
use super::record::{Contents, ObjectRecord, Piece};
use super::settings;
use super::uploads::{self, PartsPage, UploadLookup, UploadsPage, UploadsRequest};
use crate::body::BodyId;

/// Idle connections that are kept.
const MOST_IDLE: usize = 16;

/// What a look-up found.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// There is no such bucket.
    NoBucket,
    /// The bucket has no such key.
    NoKey,
    /// The object.
    Found(Box<ObjectRecord>),
}

/// Connections for reading.
pub(crate) struct ReadPool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl ReadPool {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    pub(crate) fn lookup(&self, bucket: &str, key: &str) -> rusqlite::Result<Lookup> {
        self.with(|connection| {
            let columns = ObjectRecord::COLUMNS;
            let query =
                format!("SELECT o.body IS NULL, {columns} FROM buckets b LEFT JOIN objects o ON o.bucket = b.id AND o.key = ?2 WHERE b.name = ?1");
            let mut statement = connection.prepare_cached(&query)?;
            let found = statement
                .query_row(params![bucket, key.as_bytes()], |row| {
                    if row.get(0)? { Ok(Lookup::NoKey) } else { ObjectRecord::from_row(row, 1).map(|record| Lookup::Found(Box::new(record))) }
                })
                .optional()?;
            Ok(found.unwrap_or(Lookup::NoBucket))
        })
    }

    /// A page of a LIST; `None` if there is no such bucket.
    pub(crate) fn page(&self, request: &ListRequest) -> rusqlite::Result<Option<Page>> {
        self.with(|connection| page::read(connection, request))
    }

    /// Where the bytes of an object are; `None` if it is gone.
    pub(crate) fn contents(&self, record: &ObjectRecord) -> rusqlite::Result<Option<Contents>> {
        if record.is_small {
            return self.with(|connection| {
                let mut statement = connection.prepare_cached("SELECT bytes FROM small_bodies WHERE body = ?1")?;
                let bytes = statement.query_row([record.body.0.cast_signed()], |row| row.get(0)).optional()?;
                Ok(bytes.map(Contents::Bytes))
            });
        }
        if !record.is_composite() {
            return Ok(Some(Contents::Files(vec![Piece { body: record.body, size: record.size }])));
        }
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT body, size FROM pieces WHERE whole = ?1 ORDER BY ordinal")?;
            let rows = statement.query_map([record.body.0.cast_signed()], |row| {
                Ok(Piece { body: BodyId(row.get::<_, i64>(0)?.unsigned_abs()), size: row.get::<_, i64>(1)?.unsigned_abs() })
            })?;
            let pieces = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Some(pieces).filter(|pieces| !pieces.is_empty()).map(Contents::Files))
        })
    }

    /// What a bucket was told under this name; `None` if there is no such bucket.
    pub(crate) fn setting(&self, bucket: &str, name: &str) -> rusqlite::Result<Option<Option<String>>> {
        self.with(|connection| settings::value(connection, bucket, name))
    }

    /// What every bucket was told under this name.
    pub(crate) fn settings(&self, name: &str) -> rusqlite::Result<Vec<(String, String)>> {
        self.with(|connection| settings::of_all(connection, name))
    }

    /// A page of the parts of an upload, those above `after`.
    pub(crate) fn parts(&self, place: &UploadPlace, after: u32, most: usize) -> rusqlite::Result<UploadLookup<PartsPage>> {
        self.with(|connection| uploads::parts(connection, place, after, most))
    }

    /// A page of the uploads of a bucket; `None` if there is no such bucket.
    pub(crate) fn uploads(&self, request: &UploadsRequest) -> rusqlite::Result<Option<UploadsPage>> {
        self.with(|connection| uploads::page(connection, request))
    }

    /// Names of the buckets and when they were made (milliseconds since 1970), by name.
    pub(crate) fn buckets(&self) -> rusqlite::Result<Vec<(String, i64)>> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT name, created_ms FROM buckets ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }

    /// Keys and sizes of every object of a bucket, in byte order; `None` if there is no such bucket.
    pub(crate) fn sizes(&self, bucket: &str) -> rusqlite::Result<Option<Vec<(String, u64)>>> {
        self.with(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let id: Option<i64> =
                snapshot.query_row("SELECT id FROM buckets WHERE name = ?1", [bucket], |row| row.get(0)).optional()?;
            let Some(id) = id else {
                return Ok(None);
            };
            let mut statement =
                snapshot.prepare_cached("SELECT CAST(key AS TEXT), size FROM objects WHERE bucket = ?1 ORDER BY key")?;
            let rows = statement.query_map([id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
            rows.collect::<rusqlite::Result<_>>().map(Some)
        })
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let outcome = read(&connection);
        let mut idle = self.lock();
        if outcome.is_ok() && idle.len() < MOST_IDLE {
            idle.push(connection);
        }
        outcome
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}
