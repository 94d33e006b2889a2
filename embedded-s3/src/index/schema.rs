//! The tables, and how the index is opened.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{checkpoint, upload};
use crate::body::{BodyId, BodyStore, sync_directory};
use crate::error::OpenError;

/// Format of the index that this version writes, kept in SQLite's `user_version`.
const FORMAT: i64 = 4;

/// Keys are blobs: SQLite compares them byte by byte, which is the order of LIST.
const CREATE_1: &str = "
    CREATE TABLE buckets (
        id          INTEGER PRIMARY KEY,
        name        TEXT    NOT NULL UNIQUE,
        created_ms  INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE objects (
        bucket      INTEGER NOT NULL REFERENCES buckets (id),
        key         BLOB    NOT NULL,
        size        INTEGER NOT NULL,
        etag        TEXT    NOT NULL,
        sha256      TEXT    NOT NULL,
        modified_ms INTEGER NOT NULL,
        body        INTEGER NOT NULL,
        attributes  TEXT    NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE clock (
        last_modified_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO clock VALUES (0);
    PRAGMA user_version = 1;
";

/// Objects in parts. Such an object has pieces in place of one body: `objects.body`, which then is the body of the first, names them.
/// A completed upload stays for a while, so that completing it again answers the same.
const UPDATE_TO_2: &str = "
    ALTER TABLE objects ADD COLUMN part_count INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE pieces (
        whole       INTEGER NOT NULL,
        ordinal     INTEGER NOT NULL,
        body        INTEGER NOT NULL,
        size        INTEGER NOT NULL,
        PRIMARY KEY (whole, ordinal)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE uploads (
        id          TEXT    NOT NULL PRIMARY KEY,
        bucket      INTEGER NOT NULL REFERENCES buckets (id),
        key         BLOB    NOT NULL,
        started_ms  INTEGER NOT NULL,
        algorithm   TEXT,
        attributes  TEXT    NOT NULL,
        completed   TEXT,
        etag        TEXT,
        sha256      TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
    CREATE TABLE parts (
        upload      TEXT    NOT NULL REFERENCES uploads (id),
        number      INTEGER NOT NULL,
        size        INTEGER NOT NULL,
        etag        TEXT    NOT NULL,
        sha256      TEXT    NOT NULL,
        checksums   TEXT    NOT NULL,
        modified_ms INTEGER NOT NULL,
        body        INTEGER NOT NULL,
        PRIMARY KEY (upload, number)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 2;
";

/// Small bodies lie in the index, so that one sync brings them to the disk with their rows; and what buckets are told.
const UPDATE_TO_3: &str = "
    ALTER TABLE objects ADD COLUMN small INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE small_bodies (
        body        INTEGER PRIMARY KEY,
        bytes       BLOB    NOT NULL
    ) STRICT;
    CREATE TABLE bucket_settings (
        bucket      INTEGER NOT NULL REFERENCES buckets (id),
        name        TEXT    NOT NULL,
        value       TEXT    NOT NULL,
        PRIMARY KEY (bucket, name)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 3;
";

/// Uploads that are summed up over all bytes; and, for a completion that is repeated, the checksum that it made.
const UPDATE_TO_4: &str = "
    ALTER TABLE uploads ADD COLUMN checksum_type TEXT;
    ALTER TABLE uploads ADD COLUMN checksums TEXT NOT NULL DEFAULT '{}';
    PRAGMA user_version = 4;
";

/// Tables that are checked at the start; reading every small body would take the longer the more there are.
const CHECKED: [&str; 7] = ["buckets", "objects", "clock", "pieces", "uploads", "parts", "bucket_settings"];

/// An index that was found sound, with the bodies that it names.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// Of those in files.
    pub(crate) named: HashSet<BodyId>,
    /// Above every body that lies in the index.
    pub(crate) least_free: BodyId,
    /// Greatest `LastModified` ever given.
    pub(crate) last_modified_ms: i64,
}

/// Opens the index for its one writer, makes it where there is none, and refuses what it cannot trust.
///
/// `now_ms` tells which uploads are given up.
pub(crate) fn open(path: &Path, bodies: &BodyStore, now_ms: i64) -> Result<Opened, OpenError> {
    let fail = |error: rusqlite::Error| explain(path, &error);
    let mut connection = Connection::open(path).map_err(fail)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    if found > FORMAT {
        return Err(OpenError::NewerIndex { path: path.to_owned(), found, supported: FORMAT });
    }
    if found == 0 {
        refuse_lost_index(path, bodies)?;
    }
    configure(&connection).map_err(fail)?;
    if found == 0 {
        run(&mut connection, CREATE_1).map_err(fail)?;
        let data_dir = path.parent().unwrap_or(path);
        sync_directory(data_dir).map_err(|source| OpenError::DataDir { path: data_dir.to_owned(), source })?;
    }
    if found < 2 {
        run(&mut connection, UPDATE_TO_2).map_err(fail)?;
    }
    if found < 3 {
        run(&mut connection, UPDATE_TO_3).map_err(fail)?;
    }
    if found < 4 {
        run(&mut connection, UPDATE_TO_4).map_err(fail)?;
    }
    if let Some(fault) = fault(&connection).map_err(fail)? {
        return Err(OpenError::DamagedIndex { path: path.to_owned(), fault });
    }
    give_up_uploads(&mut connection, now_ms).map_err(fail)?;
    let named = named_bodies(&connection).map_err(fail)?;
    let last_modified_ms = connection.query_row("SELECT last_modified_ms FROM clock", [], |row| row.get(0)).map_err(fail)?;
    let least_free = connection
        .query_row("SELECT coalesce(max(body), 0) + 1 FROM small_bodies", [], |row| row.get(0))
        .map(|free: i64| BodyId(free.unsigned_abs()))
        .map_err(fail)?;
    Ok(Opened { connection, named, least_free, last_modified_ms })
}

/// What is wrong with the tables, if anything.
fn fault(connection: &Connection) -> rusqlite::Result<Option<String>> {
    for table in CHECKED {
        let verdict: String = connection.query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| row.get(0))?;
        if verdict != "ok" {
            return Ok(Some(verdict));
        }
    }
    Ok(None)
}

/// Commits are on the disk when they are acknowledged: write-ahead log, synced at every commit.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Another thread brings the log into the index; only if it falls far behind, a commit does.
    connection.pragma_update(None, "wal_autocheckpoint", checkpoint::MOST_BEHIND_PAGES)?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// A step from one format to the next: whole or not at all.
fn run(connection: &mut Connection, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    transaction.execute_batch(step)?;
    transaction.commit()
}

/// Forgets the uploads whose time is over; the sweep removes the bodies of their parts, which nothing names any more.
fn give_up_uploads(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    upload::give_up(&transaction, now_ms)?;
    transaction.commit()
}

/// An empty index over bodies would sweep them all away.
fn refuse_lost_index(path: &Path, bodies: &BodyStore) -> Result<(), OpenError> {
    let has_bodies = bodies.has_bodies().map_err(|source| OpenError::DataDir { path: path.to_owned(), source })?;
    if has_bodies { Err(OpenError::MissingIndex { path: path.to_owned() }) } else { Ok(()) }
}

fn named_bodies(connection: &Connection) -> rusqlite::Result<HashSet<BodyId>> {
    let mut statement = connection
        .prepare("SELECT body FROM objects WHERE small = 0 UNION SELECT body FROM pieces UNION SELECT body FROM parts")?;
    let ids = statement.query_map([], |row| Ok(BodyId(row.get::<_, i64>(0)?.unsigned_abs())))?;
    ids.collect()
}

fn explain(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let unwritable = [
        ErrorCode::CannotOpen,
        ErrorCode::ReadOnly,
        ErrorCode::PermissionDenied,
        ErrorCode::DiskFull,
        ErrorCode::SystemIoFailure,
    ];
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(code) if unwritable.contains(&code) => OpenError::DataDir { path, source: std::io::Error::other(error.to_string()) },
        Some(_) | None => OpenError::DamagedIndex { path, fault: error.to_string() },
    }
}
