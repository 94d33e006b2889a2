//! Each row of the engine, written to its table.

use rusqlite::{Connection, Result, params};
use tidegate_protocol::{DeviceId, Space};
use tidegate_sync_core::engine::{BuiltSegment, OwnChain, Row};

use super::changes;
use super::encode;
use super::outbox;
use super::schema::set_meta;
use super::sealing::{Sealing, device_row};
use crate::enrol::KnownDevice;

pub(super) const DOORBELL_ETAG: &str = "doorbell_etag";
pub(super) const DOORBELL_RING: &str = "doorbell_ring";
pub(super) const CLOCK: &str = "clock";

/// Writes one row, with its sealed body where it has one ([`super::sealed_rows`]); the caller holds the transaction.
pub(super) fn write(db: &Connection, row: &Row, sealed: Option<Vec<u8>>) -> Result<()> {
    match row {
        Row::PutGrant { grant, blob, unsent } => {
            let sql = "INSERT OR REPLACE INTO grants (id, blob, unsent) VALUES (?1, ?2, ?3)";
            run(db, sql, params![grant.to_string(), blob, unsent])
        }
        Row::PutChange { space, change, brought_by } => {
            // In place: a row that is replaced is removed, overwritten with zeros and written elsewhere.
            let sql = "INSERT INTO changes (space, cid, sealed, brought_by, supersedes, is_relocation)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                       ON CONFLICT (space, cid) DO UPDATE SET sealed = excluded.sealed, brought_by = excluded.brought_by,
                       supersedes = excluded.supersedes, is_relocation = excluded.is_relocation";
            let (cid, brought_by) = (change.cid.to_string(), encode::brought_by(brought_by));
            let (supersedes, is_relocation) = (changes::supersedes(change), changes::is_relocation(change));
            run(db, sql, params![space.to_string(), cid, sealed, brought_by, supersedes, is_relocation])
        }
        // Written one by one, as `sealed_rows` unpacks them.
        Row::PutChanges { .. } => Ok(()),
        Row::RemoveChange { space, cid } => {
            run(db, "DELETE FROM changes WHERE space = ?1 AND cid = ?2", params![space.to_string(), cid.to_string()])
        }
        Row::PutCovered { space, segment } => {
            let sql = "INSERT OR IGNORE INTO covered (space, device, chain, seq, digest) VALUES (?1, ?2, ?3, ?4, ?5)";
            let (device, chain) = (segment.device_id.to_string(), segment.chain.to_string());
            run(db, sql, params![space.to_string(), device, chain, number(segment.seq), segment.digest.to_string()])
        }
        Row::RaiseFloor { space, chain, floor } => {
            let (space, device, chain) = (space.to_string(), chain.device_id.to_string(), chain.chain.to_string());
            let raise = "INSERT INTO floors (space, device, chain, floor) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (space, device, chain) DO UPDATE SET floor = max(floor, excluded.floor)";
            run(db, raise, params![space, device, chain, number(*floor)])?;
            let forget = "DELETE FROM covered WHERE space = ?1 AND device = ?2 AND chain = ?3 AND seq <= ?4";
            run(db, forget, params![space, device, chain, number(*floor)])
        }
        Row::PutCheckpoint { space, checkpoint, known } => {
            let sql = "INSERT OR REPLACE INTO checkpoints (space, checkpoint, known) VALUES (?1, ?2, ?3)";
            run(db, sql, params![space.to_string(), checkpoint.to_string(), encode::known_checkpoint(known)])
        }
        Row::RemoveCheckpoint { space, checkpoint } => {
            let sql = "DELETE FROM checkpoints WHERE space = ?1 AND checkpoint = ?2";
            run(db, sql, params![space.to_string(), checkpoint.to_string()])
        }
        Row::PutNotice(notice) => {
            let sql = "INSERT OR REPLACE INTO notices (space, kind, noticed_at_ms) VALUES (?1, ?2, ?3)";
            run(db, sql, params![notice.space.to_string(), notice.kind.code(), number(notice.noticed_at_ms)])
        }
        Row::ResetClock(hlc) => set_meta(db, CLOCK, hlc.to_string()),
        Row::PutOutbox { space, cid, doubtful } => outbox::put(db, *space, *cid, *doubtful),
        Row::RemoveOutbox { space, cid } => outbox::remove(db, *space, *cid),
        Row::PutChain { space, chain } => write_chain(db, *space, chain),
        Row::PutBuilt { space, built } => write_built(db, *space, built),
        Row::RemoveBuilt { space } => run(db, "DELETE FROM built WHERE space = ?1", params![space.to_string()]),
        Row::PutContent { space, hmac, bytes: _ } => {
            let sql = "INSERT OR REPLACE INTO contents (space, hmac, sealed) VALUES (?1, ?2, ?3)";
            run(db, sql, params![space.to_string(), hmac.to_string(), sealed])
        }
        Row::PutContentFile { space, hmac, size } => {
            let sql = "INSERT OR REPLACE INTO files (space, hmac, size) VALUES (?1, ?2, ?3)";
            run(db, sql, params![space.to_string(), hmac.to_string(), number(*size)])
        }
        Row::RemoveContent { space, hmac } => {
            let name = params![space.to_string(), hmac.to_string()];
            run(db, "DELETE FROM contents WHERE space = ?1 AND hmac = ?2", name)?;
            run(db, "DELETE FROM uploads WHERE space = ?1 AND hmac = ?2", name)?;
            run(db, "DELETE FROM files WHERE space = ?1 AND hmac = ?2", name)
        }
        Row::PutQuarantined(entry) => {
            let sql = "INSERT OR REPLACE INTO quarantined (space, subject, reason, retry_at_ms) VALUES (?1, ?2, ?3, ?4)";
            let (space, subject) = (entry.space.to_string(), encode::subject(&entry.subject));
            run(db, sql, params![space, subject, entry.reason.code(), number(entry.retry_at_ms)])
        }
        Row::RemoveQuarantined { space, subject } => {
            let sql = "DELETE FROM quarantined WHERE space = ?1 AND subject = ?2";
            run(db, sql, params![space.to_string(), encode::subject(subject)])
        }
        Row::PutHole(hole) => {
            let sql = "INSERT OR REPLACE INTO holes (space, segment, reason) VALUES (?1, ?2, ?3)";
            run(db, sql, params![hole.space.to_string(), encode::segment(&hole.segment), hole.reason.code()])
        }
        Row::RemoveHole { space, segment } => {
            let sql = "DELETE FROM holes WHERE space = ?1 AND segment = ?2";
            run(db, sql, params![space.to_string(), encode::segment(segment)])
        }
        Row::PutListedAt { space, listed_at_ms } => {
            let sql = "INSERT OR REPLACE INTO listed (space, listed_at_ms) VALUES (?1, ?2)";
            run(db, sql, params![space.to_string(), number(*listed_at_ms)])
        }
        Row::PutUnreferenced { space, key, since_ms } => {
            let sql = "INSERT OR REPLACE INTO unreferenced (space, object, since_ms) VALUES (?1, ?2, ?3)";
            run(db, sql, params![space.to_string(), key.to_string(), number(*since_ms)])
        }
        Row::RemoveUnreferenced { space, key } => {
            let sql = "DELETE FROM unreferenced WHERE space = ?1 AND object = ?2";
            run(db, sql, params![space.to_string(), key.to_string()])
        }
        // Decided for a batch as a whole, in `looked`.
        Row::PutLooked { .. } => Ok(()),
        Row::PutDoorbell(memory) => {
            match &memory.etag {
                Some(etag) => set_meta(db, DOORBELL_ETAG, etag)?,
                None => run(db, "DELETE FROM meta WHERE name = ?1", params![DOORBELL_ETAG])?,
            }
            set_meta(db, DOORBELL_RING, memory.ring)
        }
        Row::PutClock(hlc) => {
            // As hex of one length, so that the greater text is the greater time.
            let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
            run(db, sql, params![CLOCK, hlc.to_string()])
        }
    }
}

/// Keeps a device's name, sealed.
pub(super) fn write_device(db: &Connection, sealing: &Sealing, device: DeviceId, known: &KnownDevice) -> Result<()> {
    let sealed = sealing.seal(&device_row(device), known.name.as_bytes())?;
    let seen_at_ms = known.seen_at_ms.map(number);
    let sql = "INSERT OR REPLACE INTO devices (device, sealed_name, mark, seen_at_ms) VALUES (?1, ?2, ?3, ?4)";
    run(db, sql, params![device.to_string(), sealed, known.mark, seen_at_ms])
}

fn write_chain(db: &Connection, space: Space, own: &OwnChain) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO chains (space, chain, seq, prev) VALUES (?1, ?2, ?3, ?4)";
    let prev = own.prev.map(|digest| digest.to_string());
    run(db, sql, params![space.to_string(), own.chain.to_string(), number(own.seq), prev])
}

fn write_built(db: &Connection, space: Space, built: &BuiltSegment) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO built (space, segment, bytes, cids, built_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (segment, cids) = (encode::segment(&built.segment), encode::cids(&built.cids));
    run(db, sql, params![space.to_string(), segment, built.bytes, cids, number(built.built_at_ms)])
}

fn run(db: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
    db.prepare_cached(sql)?.execute(parameters).map(drop)
}

/// Numbers of the protocol are at most 2^53 - 1, except times a store may make up.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
