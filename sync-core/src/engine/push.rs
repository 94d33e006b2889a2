//! Writing: grants, contents and segments. Each only after what it points at, so that whatever is readable is complete.

use std::sync::Arc;

use tidegate_protocol::{ChainId, GrantId, ObjectKey, Sha256, Space};

use super::account::SpaceMemory;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Written};
use super::persist::{BuiltSegment, OwnChain, Row, Step};
use super::sync::{Phase, Task, Turn};
use crate::envelope::{ObjectContext, ObjectName, SealError, open_own_signed, seal_signed_whole};
use crate::manifest::{Chain, Change, Cid, Op, Segment, SegmentRef, Timestamp};
use crate::planted::{self, Bug};
use crate::state::{FRESH_MS, Origins, mass_delete};

/// How many bytes of changes a segment takes: its cap, less room for the places of the contents and for what it has seen.
const BYTES_PER_SEGMENT: usize = 7 << 20;

/// What a content's place adds to a change at most, in bytes.
const PLACE_BYTES: usize = 350;

impl Turn<'_> {
    /// Stores the grants of new members, before any segment can name them: a device that reads of a member without being
    /// able to fetch its key would set it aside for a day.
    pub(super) fn send_grants(&mut self) {
        let unsent: Vec<(GrantId, Vec<u8>)> =
            self.account.grants.iter().filter_map(|(grant, kept)| Some((*grant, kept.unsent.clone()?))).collect();
        let sent = std::mem::take(&mut self.sync.grants_sent);
        if !sent.is_empty() {
            for (grant, blob) in unsent.into_iter().filter(|(grant, _)| sent.contains(grant)) {
                self.account.grants.entry(grant).and_modify(|kept| kept.unsent = None);
                self.sync.rows.push(Row::PutGrant { grant, blob, unsent: false });
            }
            return self.persist(Step::GrantsSent);
        }
        for (grant, body) in unsent {
            let key = ObjectKey::AccessGrant { user: self.account.identity.user, grant };
            self.emit(Effect::PutIfAbsent { key, body }, Task::SendGrant(grant));
        }
        if self.is_quiet() {
            self.choose_changes();
            self.sync.phase = Phase::SendContents;
        }
    }

    fn has_more_to_send(&self) -> bool {
        // What `choose_changes` would choose, no more: with anything else this sync would never end.
        let is_new = |space: &Space, cid: &Cid| !self.sync.chosen.contains(&(*space, *cid));
        let waits = |space: &Space, memory: &SpaceMemory| {
            memory.outbox.keys().any(|cid| is_new(space, cid) && memory.state.contains(*cid))
        };
        self.account
            .spaces
            .iter()
            .filter(|(space, _)| self.account.keyring.current(**space).is_some())
            .filter(|(space, _)| !self.sync.held.contains_key(space))
            .any(|(space, memory)| memory.built.is_none() && waits(space, memory))
    }

    pub(super) fn grant_sent(&mut self, grant: GrantId, outcome: Outcome) {
        match outcome.written() {
            Ok(Written::Stored { .. } | Written::AlreadyThere) => {
                self.sync.grants_sent.insert(grant);
            }
            Ok(Written::Nowhere) => self.sync.fail("put-grant", FailureClass::Invalid),
            Err(class) => self.sync.fail("put-grant", class),
        }
    }

    /// What the next segments carry: of each space as many changes as fit, in the order in which they were made. A space
    /// whose last segment is built and not confirmed sends that one first, and these come after it.
    fn choose_changes(&mut self) {
        self.sync.to_send.clear();
        for space in self.account.open_spaces() {
            if !self.sync.options.allow_mass_delete {
                self.hold_mass_delete(space);
            }
            let memory = self.account.space(space);
            if memory.built.is_some() || self.sync.held.contains_key(&space) {
                continue;
            }
            let new = memory.outbox.keys().filter(|cid| !self.sync.chosen.contains(&(space, **cid)));
            let mut waiting: Vec<&Change> = new.filter_map(|cid| memory.state.get(*cid)).collect();
            waiting.sort_by_key(|change| change.rank());
            let mut bytes = 0;
            let fits = |change: &&Change| {
                let is_first = bytes == 0;
                bytes += change.to_json().len() + PLACE_BYTES;
                is_first || bytes <= BYTES_PER_SEGMENT
            };
            let chosen: Vec<Cid> = waiting.into_iter().take_while(fits).map(|change| change.cid).collect();
            self.sync.chosen.extend(chosen.iter().map(|cid| (space, *cid)));
            if !chosen.is_empty() {
                self.sync.to_send.insert(space, chosen);
            }
        }
        self.queue_contents();
    }

    /// Holds back all edits of a space whose deletes need a person's word. All of them: an edit that builds upon a delete
    /// must not go before it.
    fn hold_mass_delete(&mut self, space: Space) {
        let memory = self.account.space(space);
        if let Some(held) = mass_delete(space, &memory.state, memory.outbox.keys()) {
            self.sync.held.insert(space, held);
        }
    }

    /// Builds the segments and persists their bytes before anything of them is sent: after a crash the same bytes go out
    /// again. Built anew, a segment that had been stored all the same would stand beside its double, as if the device had
    /// been cloned.
    pub(super) fn build_segments(&mut self) {
        if self.now_ms.saturating_sub(self.sync.read_at_ms) > FRESH_MS && !planted::is(Bug::WritingOnAnOldRead) {
            // The uploads took long. The state may be stale by now, and the collector relies on nobody writing upon it.
            self.sync.chosen.clear();
            self.sync.phase = Phase::Doorbell;
            return;
        }
        let spaces: Vec<Space> = self.sync.to_send.keys().copied().collect();
        for space in spaces {
            let cids = self.sync.to_send.remove(&space).unwrap_or_default();
            if let Err(error) = self.build_segment(space, &cids) {
                let class = match error {
                    SealError::TooLarge { .. }
                    | SealError::SealedTooLarge { .. }
                    | SealError::OtherSpaceKey { .. }
                    | SealError::LengthChanged { .. } => FailureClass::Invalid,
                };
                return self.sync.fail("persist-built-segment", class);
            }
        }
        self.persist(Step::Built);
        self.sync.phase = Phase::SendSegments;
    }

    fn build_segment(&mut self, space: Space, cids: &[Cid]) -> Result<(), SealError> {
        let changes = self.finish_changes(space, cids);
        let Some(keys) = self.account.keyring.current(space) else { return Ok(()) };
        if changes.is_empty() {
            return Ok(());
        }
        let device_id = self.account.identity.device_id();
        let memory = self.account.spaces.entry(space).or_default();
        let own = memory.chain.unwrap_or_else(|| OwnChain { chain: ChainId::new(self.rng.next_u64()), seq: 0, prev: None });
        let chain = Chain { device_id, chain: own.chain };
        let seen: Vec<SegmentRef> = memory.state.frontier().tips().into_iter().filter(|tip| tip.of_chain() != chain).collect();
        let sent: Vec<Cid> = changes.iter().map(|change| change.cid).collect();
        let seq = own.seq + 1;
        let segment = Segment::new(chain, seq, own.prev, seen, changes);
        let json = serde_json_of(&segment)?;
        let context = ObjectContext { space, name: ObjectName::Segment { device: device_id, chain: own.chain, seq } };
        let identity = &self.account.identity;
        let bytes = seal_signed_whole(keys.key(), &context, json, &identity.device, &identity.certificate, self.rng)?;
        let name = SegmentRef { device_id, chain: own.chain, seq, digest: Sha256::of(&bytes).digest() };
        let built = BuiltSegment { segment: name, bytes, cids: sent, built_at_ms: self.now_ms };
        if memory.chain.is_none() {
            memory.chain = Some(own);
            self.sync.rows.push(Row::PutChain { space, chain: own });
        }
        self.sync.rows.reserve_exact(segment.changes.len() + 2);
        for change in segment.changes {
            let change = Arc::new(change);
            memory.state.insert_unsent(Arc::clone(&change));
            self.sync.rows.push(Row::PutChange { space, change: Arc::clone(&change), brought_by: Origins::default() });
            if change.op == Op::Relocate {
                // It was in memory alone. Should this segment be dropped, what becomes of its changes is found in the outbox.
                self.sync.rows.push(Row::PutOutbox { space, cid: change.cid, doubtful: false });
            }
        }
        memory.built = Some(built.clone());
        self.sync.rows.push(Row::PutBuilt { space, built });
        Ok(())
    }

    /// The changes with their contents' places; one whose content is not stored stays for the next sync.
    fn finish_changes(&mut self, space: Space, cids: &[Cid]) -> Vec<Change> {
        let memory = self.account.spaces.entry(space).or_default();
        let mut changes = Vec::with_capacity(cids.len());
        for cid in cids.iter().filter(|cid| memory.outbox.contains_key(cid)) {
            let Some(change) = memory.state.get(*cid) else { continue };
            let mut change = change.clone();
            if let Some(stored) = self.sync.upload.stored.remove(&(space, *cid)) {
                change.location = Some(stored.location);
                change.sha256 = Some(stored.sha256);
            }
            if change.check().is_ok() {
                changes.push(change);
            }
        }
        changes
    }

    /// Sends every built segment, those of an earlier sync that was stopped too.
    pub(super) fn send_segments(&mut self) {
        if !self.sync.rows.is_empty() {
            return self.persist(Step::Sent);
        }
        if self.now_ms.saturating_sub(self.sync.read_at_ms) > FRESH_MS && !planted::is(Bug::WritingOnAnOldRead) {
            // Written upon an old read, it could stand under a number that a clone has used and a floor has covered since.
            self.sync.chosen.clear();
            self.sync.phase = Phase::Doorbell;
            return;
        }
        for space in self.account.open_spaces() {
            let Some(built) = self.account.space(space).built.clone() else { continue };
            let key = built.segment.key(space);
            self.emit(Effect::PutIfAbsent { key, body: built.bytes }, Task::SendSegment(space));
        }
        if self.is_quiet() {
            // More than one segment took, or edits made meanwhile; and of a member added meanwhile the grant goes first.
            self.sync.phase = if self.has_more_to_send() { Phase::SendGrants } else { Phase::MakeCheckpoints };
        }
    }

    /// The segment is stored: it is merged like any other, its changes leave the outbox, and the wish to ring is persisted
    /// with that. Without the wish a crash before the doorbell is written would leave a segment that nobody hears of until
    /// the next listing.
    pub(super) fn segment_sent(&mut self, space: Space, outcome: Outcome) {
        let stored_at = match outcome.written() {
            Ok(Written::Stored { last_modified, .. }) => last_modified.or_else(|| Some(Timestamp::from_millis(self.now_ms))),
            Ok(Written::AlreadyThere) => Some(Timestamp::from_millis(self.now_ms)),
            Ok(Written::Nowhere) => return self.sync.fail("put-segment", FailureClass::Invalid),
            Err(class) => return self.sync.fail("put-segment", class),
        };
        let Some(built) = self.account.space(space).built.clone() else { return };
        // What the segment says, not what is in the state: there a clone's copy of a change may stand with another place.
        let context = ObjectContext::of_key(&built.segment.key(space)).expect("a segment is an envelope");
        let opened = open_own_signed(&self.account.keyring, &self.account.identity.device, &context, &built.bytes);
        let Some(segment) = opened.ok().and_then(|verified| Segment::parse(&verified.document).ok()) else {
            return self.sync.fail("put-segment", FailureClass::Local);
        };
        let memory = self.account.spaces.entry(space).or_default();
        memory.built = None;
        memory.state.apply(built.segment, &segment.changes, stored_at);
        self.sync.spaces_written.insert(space);
        let chain = OwnChain { chain: built.segment.chain, seq: built.segment.seq, prev: Some(built.segment.digest) };
        memory.chain = Some(chain);
        let rows = &mut self.sync.rows;
        // A row is large: a list that grows by doubling would hold three times what is in it.
        rows.reserve_exact(2 * built.cids.len() + 4);
        for cid in &built.cids {
            memory.outbox.remove(cid);
            rows.push(Row::RemoveOutbox { space, cid: *cid });
            if let Some(present) = memory.state.present(*cid) {
                let (change, brought_by) = (Arc::clone(&present.change), present.brought_by.clone());
                rows.push(Row::PutChange { space, change, brought_by });
            }
        }
        rows.push(Row::PutCovered { space, segment: built.segment });
        rows.push(Row::PutChain { space, chain });
        rows.push(Row::RemoveBuilt { space });
        self.account.doorbell.ring = true;
        if !planted::is(Bug::WishToRingNotDurable) {
            rows.push(Row::PutDoorbell(self.account.doorbell.clone()));
        }
        self.sync.pushed += built.cids.len() as u64;
    }
}

fn serde_json_of(segment: &Segment) -> Result<Vec<u8>, SealError> {
    let cap = crate::manifest::MAX_SEGMENT_BYTES as u64;
    segment.to_json().map_err(|_| SealError::TooLarge { kind: crate::envelope::Kind::Segment, len: cap + 1, max: cap })
}
