//! The database's schema: `user_version` counts the migrations that have run, and only ever rises.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Result, ToSql, TransactionBehavior, params};
use tidegate_protocol::UserId;

/// One entry a version; append only.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_files.sql"),
    include_str!("migrations/0003_history.sql"),
    include_str!("migrations/0004_garbage.sql"),
    include_str!("migrations/0005_device_marks.sql"),
    include_str!("migrations/0006_looked.sql"),
    include_str!("migrations/0007_outlines.sql"),
    include_str!("migrations/0008_private.sql"),
];

/// How long a write waits for another process.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(10);

const OWNER: &str = "user_id";

/// The version that this code writes.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

pub(super) fn version(connection: &Connection) -> Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Opens the file, which has to be there. A commit is on the disk when it returns: an acknowledged edit survives a power cut.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A commit of thousands of rows that outgrows the cache writes the same pages again and again.
    connection.pragma_update(None, "cache_size", -8_192)?;
    // Pages go from the log to the file after every 16 MiB of it, not after every 4.
    connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
    // Removed rows leave no readable rest in the file.
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(connection)
}

/// Runs the migrations that are missing, each in a transaction.
pub(super) fn migrate(connection: &mut Connection, user: UserId) -> Result<()> {
    if version(connection)? == newest() {
        return Ok(());
    }
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Looked at within the transaction: another process may have migrated meanwhile.
        if usize::try_from(version(&transaction)?).unwrap_or(0) > index {
            continue;
        }
        transaction.execute_batch(migration)?;
        if index == 0 {
            set_meta(&transaction, OWNER, user.to_string())?;
        }
        transaction.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(())
}

/// The account that the database belongs to.
pub(super) fn owner(connection: &Connection) -> Result<String> {
    Ok(meta(connection, OWNER)?.unwrap_or_default())
}

/// The tables that grow with the history. To look through them at every start would cost a second for each few hundred
/// megabytes; what stands in them is checked where it is read, for every row is sealed.
const LARGE: [&str; 2] = ["changes", "contents"];

/// What SQLite finds wrong in the tables that do not grow with the history, if anything.
pub(super) fn quick_check(connection: &Connection) -> Result<Option<String>> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    for table in tables.iter().filter(|table| !LARGE.contains(&table.as_str())) {
        let found: String = connection.query_row(&format!("PRAGMA quick_check(\"{table}\")"), [], |row| row.get(0))?;
        if found != "ok" {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

pub(super) fn meta<T: FromSql>(connection: &Connection, name: &str) -> Result<Option<T>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

pub(super) fn set_meta(connection: &Connection, name: &str, value: impl ToSql) -> Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value]).map(drop)
}
