//! Repacking: what is left of half-empty packs is copied, still sealed, into a new pack, and a relocation for each content
//! says where it lies now.
//!
//! The new pack is stored first, then the segment with the relocations, as with any edit; a crash in between leaves a pack
//! to which nobody refers. The old pack is not touched: with the relocations merged nothing refers to it any more, and it
//! goes *old* later like anything else. Whoever has not read them by then looks there in vain, reads them, and looks again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Map;
use tidegate_protocol::{ObjectKey, Sha256, Space};

use super::collected::Repacked;
use super::contents::object_name;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Written};
use super::pack::{OpenPack, ReadyObject};
use super::persist::Row;
use super::ranges::{Part, ranges, span};
use super::sync::{Phase, Task, Turn};
use super::upload::Stored;
use crate::manifest::{Change, Cid, Location, Op};
use crate::state::State;

/// How many ranges are read at once: each has up to a pack's 4 MiB.
const READS_AT_ONCE: usize = 4;

/// One request for contents of a half-empty pack.
#[derive(Debug, Clone)]
pub(super) struct PackRead {
    space: Space,
    key: ObjectKey,
    first: u64,
    length: u64,
    parts: Vec<Part<Leftover>>,
}

/// A content that is to be moved.
#[derive(Debug, Clone)]
pub(super) struct Leftover {
    cid: Cid,
    sha256: Sha256,
}

/// What is on its way into new packs.
#[derive(Debug, Default)]
pub(super) struct Repacking {
    reads: VecDeque<PackRead>,
    open: BTreeMap<Space, OpenPack>,
}

impl Repacking {
    /// Plans to move what changes of this space have in these packs.
    pub(super) fn plan(&mut self, space: Space, packs: &BTreeSet<ObjectKey>, state: &State) {
        if packs.is_empty() {
            return;
        }
        let mut left: BTreeMap<ObjectKey, BTreeMap<(u64, u64), Leftover>> = BTreeMap::new();
        for present in state.changes() {
            let cid = present.change.cid;
            let Some(place) = state.whereabouts(cid).filter(|_| present.change.has_content()) else { continue };
            let (Some(Location::Pack(pack)), Some(sha256)) = (&place.location, place.sha256) else { continue };
            if packs.contains(&*pack.pack) {
                let of_pack = left.entry(ObjectKey::clone(&pack.pack)).or_default();
                of_pack.entry((pack.offset, pack.length)).or_insert(Leftover { cid, sha256 });
            }
        }
        for (key, parts) in left {
            let parts = parts.into_iter().map(|((offset, length), of)| Part { offset, length, of }).collect();
            for parts in ranges(parts) {
                let (first, length) = span(&parts);
                self.reads.push_back(PackRead { space, key: key.clone(), first, length, parts });
            }
        }
    }

    /// What would be moved.
    pub(super) fn planned(&self) -> Repacked {
        let packs: BTreeSet<&ObjectKey> = self.reads.iter().map(|read| &read.key).collect();
        Repacked { packs: packs.len() as u64, items: self.reads.iter().map(|read| read.parts.len() as u64).sum() }
    }
}

impl Turn<'_> {
    /// Reads what is left in half-empty packs, a few ranges at a time; with everything read the last packs are closed.
    pub(super) fn repack_next(&mut self) {
        let Some(collecting) = self.sync.collecting.as_mut() else {
            self.sync.phase = Phase::SendGrants;
            return;
        };
        let count = collecting.repacking.reads.len().min(READS_AT_ONCE);
        let reads: Vec<PackRead> = collecting.repacking.reads.drain(..count).collect();
        if reads.is_empty() {
            let open = std::mem::take(&mut collecting.repacking.open);
            for (space, pack) in open {
                self.store_repacked(space, pack);
            }
        }
        for read in reads {
            let (key, range) = (read.key.clone(), Some((read.first, read.length)));
            self.emit(Effect::Get { key, if_none_match: None, range }, Task::ReadPack(read));
        }
        if self.is_quiet() {
            self.sync.phase = Phase::SendGrants;
        }
    }

    pub(super) fn take_out_of_pack(&mut self, read: PackRead, bytes: &[u8]) {
        let PackRead { space, first, parts, .. } = read;
        for part in parts {
            let start = usize::try_from(part.offset - first).unwrap_or(usize::MAX);
            let end = start.saturating_add(usize::try_from(part.length).unwrap_or(usize::MAX));
            // Damage is not copied: whoever wants that content is told of it at its old place.
            let Some(sealed) = bytes.get(start..end).filter(|sealed| Sha256::of(sealed) == part.of.sha256) else { continue };
            let Some(name) = self.account.space(space).state.get(part.of.cid).map(object_name) else { continue };
            let Some(collecting) = self.sync.collecting.as_mut() else { return };
            let open = collecting.repacking.open.entry(space).or_default();
            let full = if open.has_room_for(sealed.len()) { None } else { Some(std::mem::take(open)) };
            open.add(part.of.cid, name, sealed);
            if let Some(full) = full {
                self.store_repacked(space, full);
            }
        }
    }

    fn store_repacked(&mut self, space: Space, pack: OpenPack) {
        if let Some(ReadyObject { key, body, stored }) = pack.close(space, self.now_ms) {
            self.emit(Effect::PutIfAbsent { key, body }, Task::StorePack { space, stored });
        }
    }

    /// The new pack is stored: each content in it gets a relocation, which waits in the outbox like an edit.
    pub(super) fn pack_stored(&mut self, space: Space, stored: Vec<(Cid, Stored)>, outcome: Outcome) {
        match outcome.written() {
            Ok(Written::Stored { .. } | Written::AlreadyThere) => {}
            Ok(Written::Nowhere) => return self.sync.fail("put-object", FailureClass::Invalid),
            Err(class) => return self.sync.fail("put-object", class),
        }
        for (moved, stored) in stored {
            let Some(change) = self.relocation(space, moved, &stored) else { continue };
            self.sync.upload.stored.insert((space, change.cid), stored);
            // Not persisted before it stands in a segment: a relocation that waits may outlive what it points at.
            let memory = self.account.space(space);
            memory.outbox.insert(change.cid, false);
            memory.state.insert_unsent(change);
            if let Some(collecting) = self.sync.collecting.as_mut() {
                collecting.report.repacked.items += 1;
            }
        }
    }

    fn relocation(&mut self, space: Space, moved: Cid, stored: &Stored) -> Option<Change> {
        let hlc = self.account.clock.tick(self.now_ms).ok()?;
        let mut random = [0; 16];
        self.rng.fill_bytes(&mut random);
        let moved = self.account.space(space).state.get(moved)?;
        Some(Change {
            cid: Cid::from_random(random),
            target: moved.target,
            op: Op::Relocate,
            version: 0,
            supersedes: Vec::new(),
            hlc,
            kept: false,
            meta: Arc::default(),
            content_hmac: moved.content_hmac,
            location: Some(stored.location.clone()),
            sha256: Some(stored.sha256),
            size: moved.size,
            relocates: vec![moved.cid],
            extra: Map::new(),
        })
    }

    /// Drops relocations of the outbox whose place this sync has not stored: since they were made, what they point at may
    /// have been collected. The contents still lie where they lay before.
    pub(super) fn drop_stale_relocations(&mut self) {
        let mut dropped = Vec::new();
        for (space, cids) in &mut self.sync.to_send {
            let Some(memory) = self.account.spaces.get(space) else { continue };
            cids.retain(|cid| {
                let is_relocation = memory.state.get(*cid).is_some_and(|change| change.op == Op::Relocate);
                let is_stale = is_relocation && !self.sync.upload.stored.contains_key(&(*space, *cid));
                let can_be_stored = memory.state.get(*cid).is_some_and(|change| memory.can_store_anew(change));
                if is_stale && !can_be_stored {
                    dropped.push((*space, *cid));
                }
                !is_stale || can_be_stored
            });
        }
        for (space, cid) in dropped {
            let memory = self.account.space(space);
            memory.outbox.remove(&cid);
            memory.state.remove(cid);
            self.sync.rows.push(Row::RemoveOutbox { space, cid });
            self.sync.rows.push(Row::RemoveChange { space, cid });
        }
    }
}
