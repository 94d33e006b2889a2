//! What the device keeps for itself: sealed rows by name.

use rusqlite::{Connection, OptionalExtension as _, Result, params};

use super::sealing::{Sealing, private_row};

/// One value to keep, or to forget.
#[derive(Debug)]
pub(crate) struct PrivateRow<'a> {
    pub(crate) name: &'a str,
    /// `None` forgets it.
    pub(crate) body: Option<&'a [u8]>,
}

pub(super) fn get(db: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    db.query_row("SELECT sealed FROM private WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Writes all of them, or none.
pub(super) fn write(db: &mut Connection, sealing: &Sealing, rows: &[PrivateRow<'_>]) -> Result<()> {
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for row in rows {
        match row.body {
            Some(body) => put(&transaction, row.name, &sealing.seal(&private_row(row.name), body)?)?,
            None => transaction.execute("DELETE FROM private WHERE name = ?1", [row.name]).map(drop)?,
        }
    }
    transaction.commit()
}

/// The names that begin like this, in order.
pub(super) fn names(db: &Connection, prefix: &str) -> Result<Vec<String>> {
    let mut statement = db.prepare("SELECT name FROM private WHERE substr(name, 1, ?2) = ?1 ORDER BY name")?;
    statement.query_map(params![prefix, i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX)], |row| row.get(0))?.collect()
}

/// Copies all rows as they stand: they are sealed for the account and their names, in whichever file they are.
pub(super) fn copy(from: &Connection, into: &mut Connection) -> Result<()> {
    let mut statement = from.prepare("SELECT name, sealed FROM private")?;
    let rows: Vec<(String, Vec<u8>)> = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    let transaction = into.transaction()?;
    for (name, sealed) in rows {
        put(&transaction, &name, &sealed)?;
    }
    transaction.commit()
}

fn put(db: &Connection, name: &str, sealed: &[u8]) -> Result<()> {
    db.execute("INSERT OR REPLACE INTO private (name, sealed) VALUES (?1, ?2)", params![name, sealed]).map(drop)
}
