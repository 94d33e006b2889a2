//! The sealed bodies of a batch's rows: of a large batch they are made on another thread, while what came before is written.

use std::borrow::Cow;
use std::sync::mpsc::sync_channel;

use rusqlite::Result;
use tidegate_sync_core::engine::Row;
use tidegate_sync_core::state::Present;

use super::sealing::{Sealing, change_row, content_row};

/// From how many rows on another thread is worth its start.
const MANY: usize = 256;
/// Rows that are sealed at a time.
const CHUNK: usize = 32;
/// Chunks that wait to be written.
const WAITING: usize = 8;

/// Hands each row to `write`, in order, and its sealed body where it has one; changes that came packed one by one.
pub(super) fn each(sealing: &Sealing, rows: &[Row], mut write: impl FnMut(&Row, Option<Vec<u8>>) -> Result<()>) -> Result<()> {
    let is_packed = |row: &Row| matches!(row, Row::PutChanges { .. });
    if rows.len() < MANY && !rows.iter().any(is_packed) {
        return rows.iter().try_for_each(|row| write(row, body(sealing, row)?));
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        scope.spawn(move || {
            let mut rows = rows.iter().flat_map(unpacked);
            loop {
                let chunk: Vec<Cow<'_, Row>> = rows.by_ref().take(CHUNK).collect();
                let bodies: Result<Vec<Option<Vec<u8>>>> = chunk.iter().map(|row| body(sealing, row)).collect();
                // Nobody waits for more: a row could not be written.
                if chunk.is_empty() || sender.send((chunk, bodies)).is_err() {
                    return;
                }
            }
        });
        for (chunk, bodies) in receiver {
            for (row, body) in chunk.iter().zip(bodies?) {
                write(row, body)?;
            }
        }
        Ok(())
    })
}

/// A row as it is, or the rows that it stands for.
fn unpacked(row: &Row) -> Box<dyn Iterator<Item = Cow<'_, Row>> + '_> {
    let Row::PutChanges { space, changes } = row else { return Box::new(std::iter::once(Cow::Borrowed(row))) };
    let put = |Present { change, brought_by }| Row::PutChange { space: *space, change, brought_by };
    Box::new(changes.iter().map(put).map(Cow::Owned))
}

fn body(sealing: &Sealing, row: &Row) -> Result<Option<Vec<u8>>> {
    match row {
        Row::PutChange { space, change, .. } => sealing.seal(&change_row(*space, change.cid), &change.to_json()).map(Some),
        Row::PutContent { space, hmac, bytes } => sealing.seal(&content_row(*space, *hmac), bytes).map(Some),
        Row::PutGrant { .. }
        | Row::PutChanges { .. }
        | Row::RemoveChange { .. }
        | Row::PutCovered { .. }
        | Row::RaiseFloor { .. }
        | Row::PutCheckpoint { .. }
        | Row::RemoveCheckpoint { .. }
        | Row::PutUnreferenced { .. }
        | Row::RemoveUnreferenced { .. }
        | Row::PutNotice(_)
        | Row::ResetClock(_)
        | Row::PutOutbox { .. }
        | Row::RemoveOutbox { .. }
        | Row::PutChain { .. }
        | Row::PutBuilt { .. }
        | Row::RemoveBuilt { .. }
        | Row::PutContentFile { .. }
        | Row::RemoveContent { .. }
        | Row::PutQuarantined(_)
        | Row::RemoveQuarantined { .. }
        | Row::PutHole(_)
        | Row::RemoveHole { .. }
        | Row::PutListedAt { .. }
        | Row::PutLooked { .. }
        | Row::PutDoorbell(_)
        | Row::PutClock(_) => Ok(None),
    }
}
