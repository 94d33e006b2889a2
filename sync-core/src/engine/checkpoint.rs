//! Checkpoints: reading those that are named or listed, and making one when it is time.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand_core::CryptoRng;
use tidegate_protocol::{ChainId, DeviceId, Digest, ObjectKey, Space};

use super::Engine;
use super::account::{Identity, SpaceMemory};
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Read, Written};
use super::packed::{PackedChanges, PackedCheckpoint};
use super::persist::{Row, Step};
use super::pull::Bell;
use super::sync::{Phase, Task, Turn};
use crate::envelope::{ObjectContext, ObjectName, open_signed_packed, seal_signed_whole};
use crate::keys::SpaceKeys;
use crate::manifest::{Chain, ChainFrontier, Checkpoint, Frontier, SegmentRef, Timestamp};
use crate::planted::{self, Bug};
use crate::quarantine::{Quarantined, Reason, Subject};
use crate::state::{BACKSTOP_MS, FRESH_MS, KnownCheckpoint, State, changes_since, is_checkpoint_due, is_included};

/// Rows that come with a merged checkpoint, beside its changes.
const SPARE_ROWS: usize = 256;

impl Turn<'_> {
    /// Wants the checkpoints that the doorbell names in a space and that are new.
    pub(super) fn want_named_checkpoints(&mut self, space: Space) {
        let Bell::Read { doorbell, .. } = &self.sync.bell else { return };
        let named: Vec<Digest> = doorbell.checkpoints(space).collect();
        for digest in named {
            self.want_checkpoint(space, digest, None);
        }
    }

    pub(super) fn want_checkpoint(&mut self, space: Space, digest: Digest, stored_at: Option<Timestamp>) {
        let memory = self.account.space(space);
        let known = is_included(&digest, &memory.checkpoints) || memory.is_set_aside(&Subject::Checkpoint(digest), self.now_ms);
        if !known && !self.sync.checkpoints_tried.contains(&(space, digest)) {
            self.sync.checkpoints_wanted.insert((space, stored_at, digest));
        }
    }

    /// Reads one checkpoint of each space at a time, the latest first: it may include the others. Checkpoints come before
    /// segments: what they cover need not be fetched, and may be collected already.
    pub(super) fn read_checkpoints(&mut self) {
        // Another one is merged with what has come, and that is not in memory.
        if self.account.spaces.values().any(|memory| memory.arriving.is_some()) {
            return self.persist(Step::Checkpoint);
        }
        for space in self.account.open_spaces() {
            if let Some((digest, stored_at)) = self.next_checkpoint(space) {
                self.sync.checkpoints_tried.insert((space, digest));
                let key = ObjectKey::Checkpoint { space, digest };
                self.emit(Effect::Get { key, if_none_match: None, range: None }, Task::Checkpoint { space, digest, stored_at });
            }
        }
        if self.is_quiet() {
            self.set_lonely_parts_aside();
            self.sync.phase = Phase::Fetch;
            if !self.sync.rows.is_empty() {
                self.persist(Step::Checkpoint);
            }
        }
    }

    fn next_checkpoint(&mut self, space: Space) -> Option<(Digest, Option<Timestamp>)> {
        let of_space = |entry: &&(Space, Option<Timestamp>, Digest)| entry.0 == space;
        loop {
            let next = *self.sync.checkpoints_wanted.iter().filter(of_space).max_by_key(|(_, at, digest)| (*at, *digest))?;
            self.sync.checkpoints_wanted.remove(&next);
            let (_, stored_at, digest) = next;
            let tried = self.sync.checkpoints_tried.contains(&(space, digest));
            if !tried && !is_included(&digest, &self.account.space(space).checkpoints) {
                return Some((digest, stored_at));
            }
        }
    }

    pub(super) fn checkpoint_read(&mut self, space: Space, digest: Digest, listed_at: Option<Timestamp>, outcome: Outcome) {
        match outcome.read() {
            Ok(Read::Found { bytes, last_modified, .. }) => {
                // Without a word of the store it counts as young: it raises no floor and lets nothing be collected.
                let stored_at_ms = last_modified.or(listed_at).map_or(self.now_ms, |at| at.millis());
                match self.open_checkpoint(space, digest, &bytes) {
                    Ok(checkpoint) => self.take_checkpoint(space, digest, stored_at_ms, checkpoint),
                    Err((reason, retry_at_ms)) => self.refuse_checkpoint(space, digest, reason, retry_at_ms),
                }
            }
            Ok(Read::NotFound | Read::NotModified) => {
                self.refuse_checkpoint(space, digest, Reason::MissingContent, self.now_ms + FRESH_MS);
            }
            Err(FailureClass::Corrupt) => self.refuse_checkpoint(space, digest, Reason::Corrupt, self.now_ms + FRESH_MS),
            Err(class) => self.sync.fail("get-checkpoint", class),
        }
    }

    fn refuse_checkpoint(&mut self, space: Space, digest: Digest, reason: Reason, retry_at_ms: u64) {
        self.quarantine(Quarantined { space, subject: Subject::Checkpoint(digest), reason, retry_at_ms });
    }

    /// Merges a checkpoint that is whole, or whole with this part.
    fn take_checkpoint(&mut self, space: Space, digest: Digest, stored_at_ms: u64, checkpoint: PackedCheckpoint) {
        let Some(part) = checkpoint.part else {
            return self.merge_checkpoint(space, &[digest], stored_at_ms, checkpoint);
        };
        let parts = self.sync.checkpoint_parts.entry((space, part.group, part.count)).or_default();
        parts.insert(part.index, (digest, stored_at_ms, checkpoint));
        if (parts.len() as u64) < part.count {
            return;
        }
        let parts = self.sync.checkpoint_parts.remove(&(space, part.group, part.count)).unwrap_or_default();
        let digests: Vec<Digest> = parts.values().map(|(digest, _, _)| *digest).collect();
        // As old as its youngest part: only then it is there as a whole.
        let stored_at_ms = parts.values().map(|(_, at_ms, _)| *at_ms).max().unwrap_or(stored_at_ms);
        match PackedCheckpoint::join(parts.into_values().map(|(_, _, checkpoint)| checkpoint)) {
            Some(whole) => self.merge_checkpoint(space, &digests, stored_at_ms, whole),
            None => {
                for digest in digests {
                    self.refuse_checkpoint(space, digest, Reason::Malformed, self.now_ms + BACKSTOP_MS);
                }
            }
        }
    }

    /// The parts that are here without the others wait for them: until tomorrow, for they are large.
    fn set_lonely_parts_aside(&mut self) {
        for ((space, _, _), parts) in std::mem::take(&mut self.sync.checkpoint_parts) {
            for (digest, _, _) in parts.into_values() {
                self.refuse_checkpoint(space, digest, Reason::MissingContent, self.now_ms + BACKSTOP_MS);
            }
        }
    }

    /// Believes a checkpoint only if its bytes are those that its name promises, seal and signature hold, and everything in
    /// it lies in its space.
    fn open_checkpoint(&self, space: Space, digest: Digest, bytes: &[u8]) -> Result<PackedCheckpoint, (Reason, u64)> {
        let tomorrow = self.now_ms + BACKSTOP_MS;
        if Digest::of(bytes) != digest {
            return Err((Reason::Corrupt, self.now_ms + FRESH_MS));
        }
        let context = ObjectContext { space, name: ObjectName::Checkpoint };
        let document = open_signed_packed(&self.account.keyring, &self.account.identity.directory, &context, bytes)
            .map_err(|error| (Reason::from(&error), tomorrow))?;
        let checkpoint = PackedCheckpoint::check(document, space).map_err(|reason| (reason, tomorrow))?;
        if checkpoint.latest.is_too_far_ahead(self.now_ms) {
            return Err((Reason::AheadOfClock, checkpoint.latest.millis().saturating_sub(crate::clock::MAX_AHEAD_MS)));
        }
        Ok(checkpoint)
    }

    /// Merges a checkpoint, unless it disagrees with what is merged here. Everything that follows goes into one batch: a
    /// frontier without its changes would lose them.
    fn merge_checkpoint(&mut self, space: Space, digests: &[Digest], stored_at_ms: u64, checkpoint: PackedCheckpoint) {
        let known =
            KnownCheckpoint { stored_at_ms, frontier: checkpoint.frontier.clone(), includes: checkpoint.includes.clone() };
        if self.account.space(space).is_untouched() {
            self.doubt_gained(space, &known.frontier);
            self.begin_with(space, checkpoint);
        } else {
            let theirs = State::of_checkpoint(checkpoint.unpack());
            if self.account.space(space).state.disagrees_with(&theirs) {
                for digest in digests {
                    self.refuse_checkpoint(space, *digest, Reason::Disagrees, self.now_ms + BACKSTOP_MS);
                }
                return;
            }
            self.doubt_gained(space, &known.frontier);
            self.merge_in(space, &theirs);
        }
        self.forget_covered_doubts(space, digests, &known.includes);
        for checkpoint in digests.iter().copied() {
            self.account.space(space).checkpoints.insert(checkpoint, known.clone());
            self.sync.rows.push(Row::PutCheckpoint { space, checkpoint, known: known.clone() });
        }
        self.sync.rows.push(Row::PutClock(self.account.clock.greatest()));
        self.sync.checkpoints_merged += 1;
    }

    fn doubt_gained(&mut self, space: Space, theirs: &Frontier) {
        let device_id = self.account.identity.device_id();
        for segment in gained_under(device_id, theirs, self.account.space(space).state.frontier()) {
            self.doubt_beside(space, segment);
        }
    }

    /// Where nothing has happened yet, a checkpoint is taken as it is: its changes go on to the rows packed, and are in the state
    /// once they are written ([`SpaceMemory::take_up_arrived`]).
    fn begin_with(&mut self, space: Space, checkpoint: PackedCheckpoint) {
        let listed = self.sync.listed.get(&space).map(|listing| listing.segments.clone());
        self.account.clock.observe(checkpoint.latest);
        self.sync.pulled += checkpoint.count;
        self.sync.spaces_begun.insert(space);
        let memory = self.account.space(space);
        memory.state.restore_frontier(&checkpoint.frontier);
        self.sync.rows.extend(frontier_rows(space, &Frontier::default(), &checkpoint.frontier));
        let changes = PackedChanges::new(checkpoint, listed.unwrap_or_default());
        memory.arriving = Some(changes.clone());
        self.sync.rows.push(Row::PutChanges { space, changes });
    }

    fn merge_in(&mut self, space: Space, theirs: &State) {
        let memory = self.account.spaces.entry(space).or_default();
        debug_assert!(memory.arriving.is_none(), "what the frontier covers is in the state");
        let rows = &mut self.sync.rows;
        let before = memory.state.frontier().clone();
        let new = theirs.changes().filter(|present| !memory.state.contains(present.change.cid)).count();
        let merged = memory.state.merge(theirs);
        // With a little room to spare: a list of this length that grows takes twice its room.
        rows.reserve_exact(merged.removed.len() + merged.changed.len() + SPARE_ROWS);
        for cid in merged.removed {
            rows.push(Row::RemoveChange { space, cid });
        }
        for cid in merged.changed {
            let Some(present) = memory.state.present(cid) else { continue };
            self.account.clock.observe(present.change.hlc);
            let is_sent = !present.brought_by.is_empty();
            rows.push(Row::PutChange { space, change: Arc::clone(&present.change), brought_by: present.brought_by.clone() });
            if is_sent && !planted::is(Bug::OutboxNotFilteredByCid) && memory.outbox.remove(&cid).is_some() {
                rows.push(Row::RemoveOutbox { space, cid });
            }
        }
        rows.extend(frontier_rows(space, &before, memory.state.frontier()));
        self.sync.pulled += new as u64;
    }

    /// What was not believed, or missing, and is covered by what is merged now.
    fn forget_covered_doubts(&mut self, space: Space, digests: &[Digest], includes: &BTreeSet<Digest>) {
        let memory = self.account.spaces.entry(space).or_default();
        let covered = |subject: &Subject| match subject {
            Subject::Segment(segment) => memory.state.frontier().covers(segment),
            Subject::Checkpoint(other) => digests.contains(other) || includes.contains(other),
            Subject::Doorbell | Subject::Grant(_) | Subject::Content(_) => false,
        };
        let believed: Vec<Subject> = memory.quarantined.keys().copied().filter(covered).collect();
        for subject in believed {
            memory.quarantined.remove(&subject);
            self.sync.rows.push(Row::RemoveQuarantined { space, subject });
        }
        let filled: Vec<_> = memory.holes.keys().copied().filter(|hole| memory.state.frontier().covers(hole)).collect();
        for segment in filled {
            memory.holes.remove(&segment);
            self.sync.rows.push(Row::RemoveHole { space, segment });
        }
    }

    /// Makes the checkpoints that are due. Only a device that has just written, or listed, does: were it everybody who has
    /// read, each checkpoint would be made once by every device.
    pub(super) fn make_checkpoints(&mut self) {
        if let Some((space, document)) = self.sync.checkpoints_to_send.pop_front() {
            return self.send_checkpoint(space, document);
        }
        self.take_up_sent();
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Checkpoint);
        }
        for space in self.account.open_spaces() {
            let wished = self.sync.checkpoints_wished.remove(&space);
            let has_reason = self.sync.spaces_written.remove(&space) || self.sync.spaces_to_consider.remove(&space);
            if wished || (has_reason && self.is_due(space)) {
                return self.write_down(space);
            }
        }
        self.sync.phase = Phase::Ring;
    }

    fn is_due(&self, space: Space) -> bool {
        let Some(memory) = self.account.spaces.get(&space) else { return false };
        let since = changes_since(&memory.state, &memory.checkpoints);
        is_checkpoint_due(since, memory.state.count(), self.account.checkpoint_minimum)
    }

    fn write_down(&mut self, space: Space) {
        let group = ChainId::new(self.rng.next_u64());
        let Some(memory) = self.account.spaces.get(&space) else { return };
        let parts = checkpoint_of(memory).into_parts(self.account.checkpoint_part_bytes, group);
        self.sync.checkpoints_to_send.extend(parts.into_iter().map(|document| (space, document)));
    }

    fn send_checkpoint(&mut self, space: Space, checkpoint: Checkpoint) {
        let Some(keys) = self.account.keyring.current(space) else { return };
        let (frontier, includes) = (checkpoint.frontier.clone(), checkpoint.checkpoints.clone());
        let Some(body) = sealed(checkpoint, keys, &self.account.identity, self.rng) else {
            // One part alone says nothing: without this one the others need not go up.
            self.sync.checkpoints_to_send.retain(|(other, _)| *other != space);
            self.sync.checkpoints_sent.remove(&space);
            return;
        };
        let digest = Digest::of(&body);
        let known = KnownCheckpoint { stored_at_ms: self.now_ms, frontier, includes };
        let key = ObjectKey::Checkpoint { space, digest };
        self.emit(Effect::PutIfAbsent { key, body }, Task::SendCheckpoint { space, digest, known });
    }

    pub(super) fn checkpoint_sent(&mut self, space: Space, digest: Digest, known: KnownCheckpoint, outcome: Outcome) {
        let stored_at_ms = match outcome.written() {
            Ok(Written::Stored { last_modified, .. }) => last_modified.map_or(self.now_ms, |at| at.millis()),
            Ok(Written::AlreadyThere) => self.now_ms,
            Ok(Written::Nowhere) => return self.sync.fail("put-checkpoint", FailureClass::Invalid),
            Err(class) => return self.sync.fail("put-checkpoint", class),
        };
        self.sync.checkpoints_sent.entry(space).or_default().push((digest, KnownCheckpoint { stored_at_ms, ..known }));
    }

    /// Checkpoints that are stored, all parts of them, are remembered and named in the doorbell. One that is not is no loss:
    /// it says nothing that the segments do not say.
    fn take_up_sent(&mut self) {
        for (space, sent) in std::mem::take(&mut self.sync.checkpoints_sent) {
            for (checkpoint, known) in sent {
                self.account.space(space).checkpoints.insert(checkpoint, known.clone());
                self.sync.rows.push(Row::PutCheckpoint { space, checkpoint, known });
            }
            self.account.doorbell.ring = true;
            self.sync.rows.push(Row::PutDoorbell(self.account.doorbell.clone()));
            self.sync.checkpoints_made += 1;
        }
    }
}

impl Engine {
    /// All that is in the store of a space, as this device has merged it: as a checkpoint in parts, signed as somebody else and sealed
    /// under these keys. For keys of the account that do not count yet: what was signed under the present ones will not count then.
    ///
    /// `None` if it cannot be sealed, or changes are still on their way to the rows; nothing where nothing is in the store.
    #[must_use]
    pub fn write_down_as(
        &self,
        identity: &Identity,
        keys: &SpaceKeys,
        rng: &mut dyn CryptoRng,
    ) -> Option<Vec<(ObjectKey, Vec<u8>)>> {
        let space = keys.space();
        let Some(memory) = self.account.spaces.get(&space).filter(|memory| !memory.state.frontier().is_empty()) else {
            return Some(Vec::new());
        };
        if memory.arriving.is_some() {
            return None;
        }
        let group = ChainId::new(rng.next_u64());
        let parts = checkpoint_of(memory).into_parts(self.account.checkpoint_part_bytes, group);
        let written = |part| {
            let body = sealed(part, keys, identity, rng)?;
            Some((ObjectKey::Checkpoint { space, digest: Digest::of(&body) }, body))
        };
        parts.into_iter().map(written).collect()
    }
}

/// All that a space's history says, and the checkpoints that said parts of it.
fn checkpoint_of(memory: &SpaceMemory) -> Checkpoint {
    let includes = memory.checkpoints.iter().flat_map(|(digest, known)| known.includes.iter().copied().chain([*digest]));
    memory.state.to_checkpoint(includes.collect())
}

fn sealed(checkpoint: Checkpoint, keys: &SpaceKeys, identity: &Identity, rng: &mut dyn CryptoRng) -> Option<Vec<u8>> {
    let context = ObjectContext { space: keys.space(), name: ObjectName::Checkpoint };
    let document = checkpoint.to_ndjson().ok()?;
    // Its lines, its text and its sealed form are each as large as the whole history: never all at a time.
    drop(checkpoint);
    seal_signed_whole(keys.key(), &context, document, &identity.device, &identity.certificate, rng).ok()
}

/// What a frontier covers under this device's name and another does not; of a chain that it covers by its floor alone, the
/// floor.
fn gained_under(device_id: DeviceId, theirs: &Frontier, ours: &Frontier) -> Vec<SegmentRef> {
    let is_behind = |name: &Chain, floor: u64| ours.chain(name).map_or(0, ChainFrontier::tip) < floor;
    let floors = theirs.chains().filter(|(name, chain)| is_behind(name, chain.floor())).map(|(name, chain)| SegmentRef {
        device_id: name.device_id,
        chain: name.chain,
        seq: chain.floor(),
        digest: Digest::from_bytes([0; 16]),
    });
    let gained = theirs.segments().filter(|segment| !ours.covers(segment));
    floors.chain(gained).filter(|segment| segment.device_id == device_id).collect()
}

/// What a frontier has gained.
fn frontier_rows(space: Space, before: &Frontier, after: &Frontier) -> Vec<Row> {
    let mut rows = Vec::new();
    for segment in after.segments().filter(|segment| !before.covers(segment)) {
        rows.push(Row::PutCovered { space, segment });
    }
    for (chain, after) in after.chains() {
        if after.floor() > before.chain(chain).map_or(0, crate::manifest::ChainFrontier::floor) {
            rows.push(Row::RaiseFloor { space, chain: *chain, floor: after.floor() });
        }
    }
    rows
}
