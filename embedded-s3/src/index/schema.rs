//! The tables, and how the index is opened.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::body::{BodyId, BodyStore, sync_directory};
use crate::error::OpenError;

/// Format of the index that this version writes, kept in SQLite's `user_version`.
const FORMAT: i64 = 1;

/// Keys are blobs: SQLite compares them byte by byte, which is the order of LIST.
const CREATE: &str = "
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

/// An index that was found sound, with the bodies that it names.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) named: HashSet<BodyId>,
    /// Greatest `LastModified` ever given.
    pub(crate) last_modified_ms: i64,
}

/// Opens the index for its one writer, makes it where there is none, and refuses what it cannot trust.
pub(crate) fn open(path: &Path, bodies: &BodyStore) -> Result<Opened, OpenError> {
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
        create(&mut connection).map_err(fail)?;
        let data_dir = path.parent().unwrap_or(path);
        sync_directory(data_dir).map_err(|source| OpenError::DataDir { path: data_dir.to_owned(), source })?;
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
    if verdict != "ok" {
        return Err(OpenError::DamagedIndex { path: path.to_owned(), fault: verdict });
    }
    let named = named_bodies(&connection).map_err(fail)?;
    let last_modified_ms = connection.query_row("SELECT last_modified_ms FROM clock", [], |row| row.get(0)).map_err(fail)?;
    Ok(Opened { connection, named, last_modified_ms })
}

/// Commits are on the disk when they are acknowledged: write-ahead log, synced at every commit.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    transaction.execute_batch(CREATE)?;
    transaction.commit()
}

/// An empty index over bodies would sweep them all away.
fn refuse_lost_index(path: &Path, bodies: &BodyStore) -> Result<(), OpenError> {
    let has_bodies = bodies.has_bodies().map_err(|source| OpenError::DataDir { path: path.to_owned(), source })?;
    if has_bodies { Err(OpenError::MissingIndex { path: path.to_owned() }) } else { Ok(()) }
}

fn named_bodies(connection: &Connection) -> rusqlite::Result<HashSet<BodyId>> {
    let mut statement = connection.prepare("SELECT body FROM objects")?;
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
