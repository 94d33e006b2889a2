//! What was found when a space was last looked through: kept only as long as nobody has written what may change it.

use std::collections::BTreeSet;

use rusqlite::{Connection, Result, params};
use tidegate_protocol::Space;
use tidegate_sync_core::engine::{Persist, Row};

use super::records::number;
use super::schema::{meta, set_meta};

/// In `meta`: counts the batches that made what was found doubtful, of any process.
const BATCHES: &str = "looked_batches";

/// How many there were.
pub(super) fn batches(db: &Connection) -> Result<i64> {
    Ok(meta(db, BATCHES)?.unwrap_or(0))
}

/// Forgets what was found in the spaces that a batch alters, and keeps what the engine has found in others; the caller holds
/// the transaction. `known` is how many such batches there were when the engine was restored, and its own since: where there
/// are more, another process has written, and what this engine has found is not what is there.
pub(super) fn write(db: &Connection, batch: &Persist, known: i64) -> Result<i64> {
    let found = batches(db)?;
    let mut altered: BTreeSet<Space> = BTreeSet::new();
    // One by one: collected, all rows would be sorted first.
    altered.extend(batch.rows.iter().filter_map(altered_by));
    for space in &altered {
        db.prepare_cached("DELETE FROM looked WHERE space = ?1")?.execute(params![space.to_string()])?;
    }
    for row in &batch.rows {
        if let Row::PutLooked { space, looked } = row
            && found == known
        {
            let sql = "INSERT OR REPLACE INTO looked (space, conflicts, kinds) VALUES (?1, ?2, ?3)";
            let kinds = serde_json::to_string(&looked.kinds).expect("a list of names always serialises");
            db.prepare_cached(sql)?.execute(params![space.to_string(), number(looked.conflicts), kinds])?;
        }
    }
    if altered.is_empty() {
        return Ok(known);
    }
    set_meta(db, BATCHES, found.wrapping_add(1))?;
    Ok(if found == known { found.wrapping_add(1) } else { known })
}

/// The space in which a row makes doubtful what was found.
const fn altered_by(row: &Row) -> Option<Space> {
    match row {
        Row::PutChange { space, .. }
        | Row::PutChanges { space, .. }
        | Row::RemoveChange { space, .. }
        | Row::RemoveContent { space, .. } => Some(*space),
        Row::PutGrant { .. }
        | Row::PutCovered { .. }
        | Row::RaiseFloor { .. }
        | Row::PutCheckpoint { .. }
        | Row::RemoveCheckpoint { .. }
        | Row::PutNotice(_)
        | Row::ResetClock(_)
        | Row::PutOutbox { .. }
        | Row::RemoveOutbox { .. }
        | Row::PutChain { .. }
        | Row::PutBuilt { .. }
        | Row::RemoveBuilt { .. }
        | Row::PutContent { .. }
        | Row::PutContentFile { .. }
        | Row::PutQuarantined(_)
        | Row::RemoveQuarantined { .. }
        | Row::PutHole(_)
        | Row::RemoveHole { .. }
        | Row::PutListedAt { .. }
        | Row::PutUnreferenced { .. }
        | Row::RemoveUnreferenced { .. }
        | Row::PutLooked { .. }
        | Row::PutDoorbell(_)
        | Row::PutClock(_) => None,
    }
}
