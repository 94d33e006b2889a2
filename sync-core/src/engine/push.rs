//! Writing: grants, contents and segments. Each only after what it points at, so that whatever is readable is complete.

use tidegate_protocol::{ChainId, GrantId, ObjectKey, Sha256, Space};

use super::account::SpaceMemory;
use super::contents::object_name;
use super::effect::Effect;
use super::event::{FailureClass, Outcome, Written};
use super::persist::{BuiltSegment, OwnChain, Row, Step};
use super::sync::{Phase, Stored, Task, Turn};
use crate::envelope::{ObjectContext, ObjectName, SealError, seal, seal_signed};
use crate::manifest::{Chain, Change, Cid, Location, ObjectLocation, Segment, SegmentRef, Target, Timestamp};
use crate::state::FRESH_MS;

/// How many contents are loaded, sealed or on their way at once: each may have 64 MiB.
const CONTENTS_AT_ONCE: usize = 4;

/// How many bytes of changes a segment takes: its cap, less room for the places of the contents and for what it has seen.
const BYTES_PER_SEGMENT: usize = 7 << 20;

/// What a content's place adds to a change at most, in bytes.
const PLACE_BYTES: usize = 400;

impl Turn<'_> {
    /// Stores the grants of new members, before any segment can name them: a device that reads of a member without being
    /// able to fetch its key would set it aside for a day.
    pub(super) fn send_grants(&mut self) {
        let unsent: Vec<(GrantId, Vec<u8>)> =
            self.account.grants.iter().filter_map(|(grant, blob)| Some((*grant, blob.clone()?))).collect();
        let sent = std::mem::take(&mut self.sync.grants_sent);
        if !sent.is_empty() {
            for (grant, blob) in unsent.into_iter().filter(|(grant, _)| sent.contains(grant)) {
                self.account.grants.insert(grant, None);
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
            memory.outbox.keys().any(|cid| is_new(space, cid) && memory.state.get(*cid).is_some())
        };
        self.account
            .spaces
            .iter()
            .filter(|(space, _)| self.account.keyring.current(**space).is_some())
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
            let memory = self.account.space(space);
            if memory.built.is_some() {
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
    }

    /// Stores the contents of the chosen changes. A segment that named an object not yet stored would be read by others
    /// as damaged, and for good if this device never came back.
    pub(super) fn send_contents(&mut self) {
        self.load_next();
        if self.is_quiet() {
            self.sync.phase = Phase::Build;
        }
    }

    /// Keeps a few contents on their way.
    pub(super) fn load_next(&mut self) {
        let waiting: Vec<(Space, Cid)> = self
            .sync
            .to_send
            .iter()
            .flat_map(|(space, cids)| cids.iter().map(|cid| (*space, *cid)))
            .filter(|entry| !self.sync.stored.contains_key(entry) && !self.sync.on_the_way.contains(entry))
            .collect();
        for (space, cid) in waiting {
            if self.outstanding() >= CONTENTS_AT_ONCE {
                return;
            }
            let Some(change) = self.account.space(space).state.get(cid).cloned() else { continue };
            let Some(hmac) = change.content_hmac else { continue };
            if !change.has_content() || matches!(change.location, Some(Location::Inline(_))) {
                continue;
            }
            if let Some(stored) = self.known_place(space, &change) {
                self.sync.stored.insert((space, cid), stored);
                continue;
            }
            if self.is_on_the_way(space, change.target) {
                continue;
            }
            self.sync.on_the_way.insert((space, cid));
            match change.target {
                Target::Attachment(_) => {
                    let size = change.size;
                    self.emit(Effect::StoreAttachment { space, cid, hmac, size }, Task::StoreAttachment { space, cid });
                }
                Target::Record(_) => self.emit(Effect::LoadContent { space, hmac }, Task::Load { space, cid }),
            }
        }
    }

    /// Whether this attachment's content is being stored for another record; it is looked at again once it is.
    fn is_on_the_way(&self, space: Space, target: Target) -> bool {
        let Target::Attachment(_) = target else { return false };
        let Some(memory) = self.account.spaces.get(&space) else { return false };
        let coming = self.sync.on_the_way.iter().filter(|entry| entry.0 == space && !self.sync.stored.contains_key(entry));
        coming.filter_map(|(_, cid)| memory.state.get(*cid)).any(|change| change.target == target)
    }

    /// Where an attachment's content is stored already: named by a head of the state just read, which keeps the collector
    /// away from it, or stored in this sync for another record. So deduplication needs no request at all.
    fn known_place(&self, space: Space, change: &Change) -> Option<Stored> {
        let Target::Attachment(hmac) = change.target else { return None };
        if let Some(stored) = self.sync.stored_attachments.get(&(space, hmac)) {
            return Some(stored.clone());
        }
        let memory = self.account.spaces.get(&space)?;
        memory.state.heads_of_target(change.target).into_iter().find_map(|head| {
            let is_sent = memory.state.present(head.cid).is_some_and(|present| !present.brought_by.is_empty());
            let place = memory.state.whereabouts(head.cid)?;
            let location = place.location.clone()?;
            let Location::Object(_) = location else { return None };
            (is_sent && head.has_content()).then_some(Stored { location, sha256: place.sha256? })
        })
    }

    pub(super) fn content_loaded(&mut self, space: Space, cid: Cid, outcome: Outcome) {
        let bytes = match outcome.loaded() {
            Ok(bytes) => bytes,
            Err(class) => return self.sync.fail("load-content", class),
        };
        let Some(change) = self.account.space(space).state.get(cid).cloned() else { return };
        // An attachment may have been stored for another record meanwhile.
        if let Some(stored) = self.known_place(space, &change) {
            self.sync.stored.insert((space, cid), stored);
            return self.load_next();
        }
        let Some((key, body, stored)) = self.seal_content(space, &change, &bytes) else {
            return self.sync.fail("load-content", FailureClass::Invalid);
        };
        self.emit(Effect::PutIfAbsent { key, body }, Task::SendContent { space, cid, stored });
    }

    /// Seals a content under a fresh salt: no two uploads have one name, so a collector that is about to delete an old
    /// upload can never hit a new one.
    fn seal_content(&mut self, space: Space, change: &Change, content: &[u8]) -> Option<(ObjectKey, Vec<u8>, Stored)> {
        let Space::Member(user, member) = space else { return None };
        let keys = self.account.keyring.current(space)?;
        if Some(keys.attachment_key().content_hmac(content)) != change.content_hmac {
            return None;
        }
        let name = object_name(change);
        let body = seal(keys.key(), &ObjectContext { space, name: name.clone() }, content, self.rng).ok()?;
        let sha256 = Sha256::of(&body);
        let digest = sha256.digest();
        let key = match name {
            ObjectName::Record { id, version } => ObjectKey::Record { user, member, record: id, version, digest },
            ObjectName::Attachment { hmac } => ObjectKey::Attachment { user, member, hmac, digest },
            ObjectName::Pack
            | ObjectName::Segment { .. }
            | ObjectName::Checkpoint
            | ObjectName::Doorbell
            | ObjectName::Device { .. }
            | ObjectName::Local { .. } => return None,
        };
        let object = ObjectLocation { key: key.clone(), length: body.len() as u64, extra: serde_json::Map::new() };
        Some((key, body, Stored { location: Location::Object(object), sha256 }))
    }

    pub(super) fn content_sent(&mut self, space: Space, cid: Cid, stored: Stored, outcome: Outcome) {
        match outcome.written() {
            // The key is the hash of the bytes: whatever is there already is what was sent.
            Ok(Written::Stored { .. } | Written::AlreadyThere) => {
                if let Some(Target::Attachment(hmac)) = self.account.space(space).state.get(cid).map(|change| change.target) {
                    self.sync.stored_attachments.insert((space, hmac), stored.clone());
                }
                self.sync.stored.insert((space, cid), stored);
                self.load_next();
            }
            Ok(Written::Nowhere) => self.sync.fail("put-object", FailureClass::Invalid),
            Err(class) => self.sync.fail("put-object", class),
        }
    }

    /// Builds the segments and persists their bytes before anything of them is sent: after a crash the same bytes go out
    /// again. Built anew, a segment that had been stored all the same would stand beside its double, as if the device had
    /// been cloned.
    pub(super) fn build_segments(&mut self) {
        if self.now_ms.saturating_sub(self.sync.read_at_ms) > FRESH_MS {
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
        let bytes = seal_signed(keys.key(), &context, &json, &identity.device, &identity.certificate, self.rng)?;
        let name = SegmentRef { device_id, chain: own.chain, seq, digest: Sha256::of(&bytes).digest() };
        let built = BuiltSegment { segment: name, bytes, cids: sent, built_at_ms: self.now_ms };
        if memory.chain.is_none() {
            memory.chain = Some(own);
            self.sync.rows.push(Row::PutChain { space, chain: own });
        }
        for change in &segment.changes {
            memory.state.insert_unsent(change.clone());
            self.sync.rows.push(Row::PutChange { space, change: change.clone(), brought_by: std::collections::BTreeMap::new() });
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
            if let Some(stored) = self.sync.stored.remove(&(space, *cid)) {
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
        if self.now_ms.saturating_sub(self.sync.read_at_ms) > FRESH_MS {
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
        let Ok(segment) = self.open_segment(space, &built.segment, &built.bytes) else {
            return self.sync.fail("put-segment", FailureClass::Local);
        };
        let memory = self.account.spaces.entry(space).or_default();
        memory.built = None;
        memory.state.apply(built.segment, &segment.changes, stored_at);
        self.sync.spaces_written.insert(space);
        let chain = OwnChain { chain: built.segment.chain, seq: built.segment.seq, prev: Some(built.segment.digest) };
        memory.chain = Some(chain);
        let rows = &mut self.sync.rows;
        for cid in &built.cids {
            memory.outbox.remove(cid);
            rows.push(Row::RemoveOutbox { space, cid: *cid });
            if let Some(present) = memory.state.present(*cid) {
                let (change, brought_by) = (present.change.clone(), present.brought_by.clone());
                rows.push(Row::PutChange { space, change, brought_by });
            }
        }
        rows.push(Row::PutCovered { space, segment: built.segment });
        rows.push(Row::PutChain { space, chain });
        rows.push(Row::RemoveBuilt { space });
        self.account.doorbell.ring = true;
        rows.push(Row::PutDoorbell(self.account.doorbell.clone()));
        self.sync.pushed += built.cids.len() as u64;
    }
}

fn serde_json_of(segment: &Segment) -> Result<Vec<u8>, SealError> {
    let cap = crate::manifest::MAX_SEGMENT_BYTES as u64;
    segment.to_json().map_err(|_| SealError::TooLarge { kind: crate::envelope::Kind::Segment, len: cap + 1, max: cap })
}
