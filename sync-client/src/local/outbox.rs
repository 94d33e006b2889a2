//! The edits that wait to be sent: what a restored backup, a crash or a damaged store must never lose.

use rusqlite::{Connection, Result, params};
use tidegate_protocol::Space;
use tidegate_sync_core::manifest::Cid;

pub(super) fn put(db: &Connection, space: Space, cid: Cid, doubtful: bool) -> Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO outbox (space, cid, doubtful) VALUES (?1, ?2, ?3)")?
        .execute(params![space.to_string(), cid.to_string(), doubtful])
        .map(drop)
}

pub(super) fn remove(db: &Connection, space: Space, cid: Cid) -> Result<()> {
    db.prepare_cached("DELETE FROM outbox WHERE space = ?1 AND cid = ?2")?
        .execute(params![space.to_string(), cid.to_string()])
        .map(drop)
}

/// How many there are.
pub(super) fn count(db: &Connection) -> Result<u64> {
    let count: i64 = db.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
