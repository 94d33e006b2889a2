//! The changes of a space: told of by their outlines, and read one by one. Rows are found by number, in the order in which they
//! lie in the file: by the index, each would be a read from anywhere in a file of which contents are the most.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use tidegate_protocol::Space;
use tidegate_sync_core::manifest::{Change, Cid, Op};
use tidegate_sync_core::state::{Origins, Outline, Present};

use super::encode;
use super::load::{Result, each_of, parse, text};
use super::opening::{self, SealedChange};
use super::schema::{meta, set_meta};
use super::sealing::Sealing;

/// In `meta`: that each change has an outline.
const OUTLINED: &str = "outlined";

/// Length of an id, in bytes.
const CID_BYTES: usize = 16;

/// Tells of each change of a space.
pub(super) fn outlines(db: &Connection, space: Space, take: &mut dyn FnMut(Outline)) -> Result<()> {
    let mut shared = Shared::default();
    let sql = "SELECT rowid, cid, brought_by, supersedes, is_relocation FROM changes NOT INDEXED WHERE space = ?1";
    each_of(db, sql, params![space.to_string()], |row| {
        let (cid, brought_by) = (cid_of(row, 1)?, shared.origins(row, 2)?);
        let supersedes = row.get_ref(3)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let supersedes = supersedes.map(|ids| parse("changes", read_supersedes(ids))).transpose()?;
        take(Outline { place: row.get(0)?, cid, brought_by, supersedes, is_relocation: row.get(4)? });
        Ok(())
    })
}

/// Gives the changes in these rows.
pub(super) fn read(db: &Connection, sealing: &Sealing, space: Space, rows: &[i64], take: &mut dyn FnMut(Present)) -> Result<()> {
    // In one transaction: each row by itself would take locks on the file.
    let transaction = db.unchecked_transaction()?;
    let mut shared = Shared::default();
    let mut statement =
        transaction.prepare_cached("SELECT cid, sealed, brought_by FROM changes WHERE rowid = ?1 AND space = ?2")?;
    let space_text = space.to_string();
    let mut sealed = |number: &i64| {
        let mut found = statement.query(params![number, space_text])?;
        let Some(row) = found.next()? else { return Ok(None) };
        Ok(Some(SealedChange { cid: cid_of(row, 0)?, sealed: row.get(1)?, brought_by: shared.origins(row, 2)? }))
    };
    opening::each(sealing, space, rows.len(), rows.iter().filter_map(|number| sealed(number).transpose()), take)
}

/// Notes the outlines that an earlier version has not: once, and from then on they are written with the changes. A row that
/// cannot be opened is left; whoever reads it is told.
pub(super) fn note_outlines(db: &mut Connection, sealing: &Sealing) -> Result<()> {
    if is_outlined(db)? {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut after = 0;
    while let Some(number) = next_without(&transaction, after)? {
        note(&transaction, sealing, number)?;
        after = number;
    }
    set_meta(&transaction, OUTLINED, true)?;
    transaction.commit()?;
    Ok(())
}

/// What a change supersedes, for its row.
pub(super) fn supersedes(change: &Change) -> Vec<u8> {
    change.supersedes.iter().flat_map(|cid| *cid.as_bytes()).collect()
}

pub(super) fn is_relocation(change: &Change) -> bool {
    change.op == Op::Relocate
}

fn read_supersedes(ids: &[u8]) -> Option<Vec<Cid>> {
    let (ids, rest) = ids.as_chunks::<CID_BYTES>();
    rest.is_empty().then(|| ids.iter().copied().map(Cid::from_bytes).collect())
}

fn is_outlined(db: &Connection) -> Result<bool> {
    Ok(meta(db, OUTLINED)?.unwrap_or(false))
}

fn next_without(db: &Connection, after: i64) -> Result<Option<i64>> {
    let sql = "SELECT rowid FROM changes WHERE rowid > ?1 AND supersedes IS NULL ORDER BY rowid LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([after], |row| row.get(0)).optional()?)
}

fn note(db: &Connection, sealing: &Sealing, number: i64) -> Result<()> {
    let sealed = db.prepare_cached("SELECT space, cid, sealed FROM changes WHERE rowid = ?1")?.query_row([number], |row| {
        let space = parse("changes", encode::read_space(&row.get::<_, String>(0)?));
        let sealed: Vec<u8> = row.get(2)?;
        Ok(space.and_then(|space| Ok((space, cid_of(row, 1)?, sealed))))
    })?;
    if let Ok(change) = sealed.and_then(|(space, cid, sealed)| opening::open(sealing, space, cid, &sealed)) {
        db.prepare_cached("UPDATE changes SET supersedes = ?2, is_relocation = ?3 WHERE rowid = ?1")?.execute(params![
            number,
            supersedes(&change),
            is_relocation(&change)
        ])?;
    }
    Ok(())
}

fn cid_of(row: &Row<'_>, column: usize) -> Result<Cid> {
    parse("changes", text(row, column)?.parse().ok())
}

/// There are far fewer segments than changes: what brought them is read once, and shared.
#[derive(Default)]
struct Shared(HashMap<String, Origins>);

impl Shared {
    fn origins(&mut self, row: &Row<'_>, column: usize) -> Result<Origins> {
        let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let read = parse("changes", encode::read_brought_by(text))?;
        Ok(self.0.entry(text.to_owned()).or_insert(read).clone())
    }
}
