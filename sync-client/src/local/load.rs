//! The rows of the engine, read back: all but changes and contents at once, those space by space when they are looked at.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Params, Row, Transaction, params};
use tidegate_protocol::{ContentHmac, DeviceId, Space};
use tidegate_sync_core::engine::{BuiltSegment, DoorbellMemory, OwnChain, Saved, SavedSpace};
use tidegate_sync_core::manifest::{Chain, SegmentRef};
use tidegate_sync_core::notice::NoticeKind;
use tidegate_sync_core::quarantine::{HoleReason, Reason};
use tidegate_sync_core::state::Looked;

use super::records::{CLOCK, DOORBELL_ETAG, DOORBELL_RING};
use super::schema::meta;
use super::sealing::{Sealing, device_row};
use super::{encode, looked};
use crate::enrol::KnownDevice;

/// Why rows cannot be read.
#[derive(Debug)]
pub(super) enum LoadError {
    /// SQLite itself.
    Sql(rusqlite::Error),
    /// A row that nobody wrote so.
    Row(String),
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

pub(super) type Result<T> = std::result::Result<T, LoadError>;

/// What is read at once.
pub(super) struct Loaded {
    pub(super) saved: Saved,
    /// The spaces of which there is something.
    pub(super) spaces: BTreeSet<Space>,
    /// See [`looked::write`].
    pub(super) batches: i64,
}

/// Reads everything but changes and contents as of one moment.
pub(super) fn load(connection: &mut Connection) -> Result<Loaded> {
    let transaction = connection.transaction()?;
    let mut saved = Saved::default();
    load_grants(&transaction, &mut saved)?;
    load_frontiers(&transaction, &mut saved)?;
    load_own(&transaction, &mut saved)?;
    load_doubts(&transaction, &mut saved)?;
    let etag: Option<String> = meta(&transaction, DOORBELL_ETAG)?;
    let ring: Option<bool> = meta(&transaction, DOORBELL_RING)?;
    saved.doorbell = DoorbellMemory { etag, ring: ring.unwrap_or(false) };
    let clock: Option<String> = meta(&transaction, CLOCK)?;
    saved.clock = clock.map(|text| parse("meta", text.parse().ok())).transpose()?.unwrap_or_default();
    let mut spaces: BTreeSet<Space> = saved.spaces.keys().copied().collect();
    spaces.extend(spaces_of(&transaction, "changes")?);
    spaces.extend(spaces_of(&transaction, "contents")?);
    let batches = looked::batches(&transaction)?;
    transaction.finish()?;
    Ok(Loaded { saved, spaces, batches })
}

/// The spaces named in the first column of a table's key: a step for each, and not for each row.
fn spaces_of(db: &Connection, table: &str) -> Result<Vec<Space>> {
    let mut spaces = Vec::new();
    let mut after = String::new();
    let sql = format!("SELECT space FROM {table} WHERE space > ?1 ORDER BY space LIMIT 1");
    while let Some(space) = db.prepare_cached(&sql)?.query_row([&after], |row| row.get::<_, String>(0)).optional()? {
        spaces.push(parse("space", encode::read_space(&space))?);
        after = space;
    }
    Ok(spaces)
}

/// The contents of a space that are on the device.
pub(super) fn contents(db: &Connection, space: Space) -> Result<BTreeSet<ContentHmac>> {
    let mut contents = BTreeSet::new();
    for sql in ["SELECT hmac FROM contents WHERE space = ?1", "SELECT hmac FROM files WHERE space = ?1"] {
        each_of(db, sql, params![space.to_string()], |row| {
            contents.insert(parse("contents", text(row, 0)?.parse().ok())?);
            Ok(())
        })?;
    }
    Ok(contents)
}

/// The devices, as far as the store has shown them.
pub(super) fn devices(connection: &Connection, sealing: &Sealing) -> Result<BTreeMap<DeviceId, KnownDevice>> {
    let mut devices = BTreeMap::new();
    each(connection, "SELECT device, sealed_name, mark, seen_at_ms FROM devices", |row| {
        let device: DeviceId = parse("devices", text(row, 0)?.parse().ok())?;
        let sealed: Vec<u8> = row.get(1)?;
        let name = sealing.open(&device_row(device), &sealed).map_err(LoadError::Row)?;
        let name = parse("devices", String::from_utf8(name).ok())?;
        let seen_at_ms: Option<i64> = row.get(3)?;
        let seen_at_ms = seen_at_ms.and_then(|millis| u64::try_from(millis).ok());
        devices.insert(device, KnownDevice { name, mark: text(row, 2)?, seen_at_ms });
        Ok(())
    })?;
    Ok(devices)
}

fn load_grants(db: &Transaction<'_>, saved: &mut Saved) -> Result<()> {
    each(db, "SELECT id, blob, unsent FROM grants", |row| {
        let grant = parse("grants", text(row, 0)?.parse().ok())?;
        saved.grants.insert(grant, (row.get(1)?, row.get(2)?));
        Ok(())
    })
}

fn load_frontiers(db: &Transaction<'_>, saved: &mut Saved) -> Result<()> {
    each(db, "SELECT space, device, chain, floor FROM floors", |row| {
        let (_, space) = space_of(saved, row)?;
        space.frontier.raise_floor(chain_of("floors", row)?, number(row, 3)?);
        Ok(())
    })?;
    each(db, "SELECT space, device, chain, seq, digest FROM covered", |row| {
        let (_, space) = space_of(saved, row)?;
        let Chain { device_id, chain } = chain_of("covered", row)?;
        let digest = parse("covered", text(row, 4)?.parse().ok())?;
        space.frontier.insert(&SegmentRef { device_id, chain, seq: number(row, 3)?, digest });
        Ok(())
    })
}

fn load_own(db: &Transaction<'_>, saved: &mut Saved) -> Result<()> {
    each(db, "SELECT space, cid, doubtful FROM outbox", |row| {
        let (_, space) = space_of(saved, row)?;
        space.outbox.insert(parse("outbox", text(row, 1)?.parse().ok())?, row.get(2)?);
        Ok(())
    })?;
    each(db, "SELECT space, chain, seq, prev FROM chains", |row| {
        let (_, space) = space_of(saved, row)?;
        let prev: Option<String> = row.get(3)?;
        let prev = prev.map(|text| parse("chains", text.parse().ok())).transpose()?;
        space.chain = Some(OwnChain { chain: parse("chains", text(row, 1)?.parse().ok())?, seq: number(row, 2)?, prev });
        Ok(())
    })?;
    each(db, "SELECT space, segment, bytes, cids, built_at_ms FROM built", |row| {
        let (_, space) = space_of(saved, row)?;
        space.built = Some(BuiltSegment {
            segment: parse("built", encode::read_segment(&text(row, 1)?))?,
            bytes: row.get(2)?,
            cids: parse("built", encode::read_cids(&text(row, 3)?))?,
            built_at_ms: number(row, 4)?,
        });
        Ok(())
    })
}

fn load_doubts(db: &Transaction<'_>, saved: &mut Saved) -> Result<()> {
    each(db, "SELECT space, subject, reason, retry_at_ms FROM quarantined", |row| {
        let (_, space) = space_of(saved, row)?;
        let subject = parse("quarantined", encode::read_subject(&text(row, 1)?))?;
        let reason = parse("quarantined", Reason::from_code(&text(row, 2)?))?;
        space.quarantined.insert(subject, (reason, number(row, 3)?));
        Ok(())
    })?;
    each(db, "SELECT space, segment, reason FROM holes", |row| {
        let (_, space) = space_of(saved, row)?;
        let segment = parse("holes", encode::read_segment(&text(row, 1)?))?;
        space.holes.insert(segment, parse("holes", HoleReason::from_code(&text(row, 2)?))?);
        Ok(())
    })?;
    each(db, "SELECT space, checkpoint, known FROM checkpoints", |row| {
        let (_, space) = space_of(saved, row)?;
        let checkpoint = parse("checkpoints", text(row, 1)?.parse().ok())?;
        space.checkpoints.insert(checkpoint, parse("checkpoints", encode::read_known_checkpoint(&text(row, 2)?))?);
        Ok(())
    })?;
    each(db, "SELECT space, kind, noticed_at_ms FROM notices", |row| {
        let (_, space) = space_of(saved, row)?;
        space.notices.insert(parse("notices", NoticeKind::from_code(&text(row, 1)?))?, number(row, 2)?);
        Ok(())
    })?;
    each(db, "SELECT space, object, since_ms FROM unreferenced", |row| {
        let (_, space) = space_of(saved, row)?;
        space.unreferenced.insert(parse("unreferenced", text(row, 1)?.parse().ok())?, number(row, 2)?);
        Ok(())
    })?;
    each(db, "SELECT space, conflicts, kinds FROM looked", |row| {
        let (_, space) = space_of(saved, row)?;
        let kinds = parse("looked", serde_json::from_str(&text(row, 2)?).ok())?;
        space.looked = Some(Looked { conflicts: number(row, 1)?, kinds });
        Ok(())
    })?;
    each(db, "SELECT space, listed_at_ms FROM listed", |row| {
        let (_, space) = space_of(saved, row)?;
        space.listed_at_ms = Some(number(row, 1)?);
        Ok(())
    })
}

fn each(db: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    each_of(db, sql, [], read)
}

pub(super) fn each_of(db: &Connection, sql: &str, of: impl Params, mut read: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(of)?;
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}

/// The space named in the first column, by name and as saved so far.
fn space_of<'a>(saved: &'a mut Saved, row: &Row<'_>) -> Result<(Space, &'a mut SavedSpace)> {
    let space = parse("space", encode::read_space(&text(row, 0)?))?;
    Ok((space, saved.spaces.entry(space).or_default()))
}

fn chain_of(table: &str, row: &Row<'_>) -> Result<Chain> {
    let device_id = parse(table, text(row, 1)?.parse().ok())?;
    Ok(Chain { device_id, chain: parse(table, text(row, 2)?.parse().ok())? })
}

pub(super) fn text(row: &Row<'_>, column: usize) -> Result<String> {
    Ok(row.get(column)?)
}

fn number(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    parse("number", u64::try_from(value).ok())
}

pub(super) fn parse<T>(table: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| LoadError::Row(format!("a row of {table} cannot be read")))
}
