//! Reading: the doorbell, the segments that are new, and applying them in causal order.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_protocol::{ObjectKey, Space};

use super::effect::Effect;
use super::event::{FailureClass, Outcome, Read};
use super::persist::{Row, Step};
use super::sync::{Phase, Task, Turn};
use crate::clock::MAX_AHEAD_MS;
use crate::envelope::{ObjectContext, open_signed};
use crate::manifest::{Doorbell, Location, Segment, SegmentRef, Timestamp, causal_order, missing_before};
use crate::planted::{self, Bug};
use crate::quarantine::{Hole, HoleReason, Quarantined, Reason, Subject};
use crate::state::{BACKSTOP_MS, FRESH_MS};

/// How many segments are fetched before they are applied: bounds the memory that a joining device needs.
const WAVE: usize = 256;

/// What was read of the account's doorbell in this sync.
#[derive(Debug)]
pub(super) enum Bell {
    /// Nothing yet.
    Unread,
    /// It has the ETag that was remembered: all that it names is applied.
    Unchanged,
    /// There is none.
    Absent,
    /// It was read.
    Read {
        /// What it says.
        doorbell: Doorbell,
        /// Its ETag.
        etag: Option<String>,
    },
    /// It cannot be believed.
    Unreadable {
        /// Its ETag.
        etag: Option<String>,
        /// Whether it may be written over: not what a later version, or a holder of a newer key, has written.
        may_replace: bool,
    },
}

/// A segment that was fetched and is believed.
#[derive(Debug)]
pub(super) struct Fetched {
    segment: Segment,
    stored_at: Option<Timestamp>,
}

impl Borrow<Segment> for Fetched {
    fn borrow(&self) -> &Segment {
        &self.segment
    }
}

impl Turn<'_> {
    /// Reads the doorbell, unless it still has the ETag that is remembered. A device that has something to write needs its
    /// content, to add to it, and asks for it without condition: the same one request.
    pub(super) fn read_doorbell(&mut self) {
        let key = ObjectKey::Doorbell { space: self.account.account_space() };
        let if_none_match = if self.account.has_to_push() { None } else { self.account.doorbell.etag.clone() };
        self.sync.read_at_ms = self.now_ms;
        self.sync.absent.clear();
        self.sync.refused.clear();
        self.sync.asked.clear();
        self.sync.spaces_listed.clear();
        self.sync.phase = Phase::List;
        self.emit(Effect::Get { key, if_none_match, range: None }, Task::Doorbell);
    }

    pub(super) fn doorbell_read(&mut self, outcome: Outcome) {
        let account_space = self.account.account_space();
        let Some(bell) = self.bell_of(outcome) else { return };
        if let Bell::Read { etag, .. } = &bell
            && planted::is(Bug::EtagKeptTooEarly)
        {
            self.account.doorbell.etag.clone_from(etag);
            self.sync.rows.push(Row::PutDoorbell(self.account.doorbell.clone()));
        }
        self.sync.bell = bell;
        if matches!(self.sync.bell, Bell::Read { .. })
            && self.account.space(account_space).quarantined.remove(&Subject::Doorbell).is_some()
        {
            self.sync.rows.push(Row::RemoveQuarantined { space: account_space, subject: Subject::Doorbell });
        }
        for space in self.account.open_spaces() {
            self.want_named(space);
            self.want_set_aside(space);
        }
    }

    /// What an answer says of the doorbell; `None` if the sync ends with it.
    pub(super) fn bell_of(&mut self, outcome: Outcome) -> Option<Bell> {
        match outcome.read() {
            Ok(Read::NotModified) => Some(Bell::Unchanged),
            Ok(Read::NotFound) => Some(Bell::Absent),
            Ok(Read::Found { bytes, etag, .. }) => Some(self.open_doorbell(&bytes, etag)),
            Err(FailureClass::Corrupt) => Some(self.refuse_doorbell(Reason::Corrupt, None)),
            Err(class) => {
                self.sync.fail("get-doorbell", class);
                None
            }
        }
    }

    fn open_doorbell(&mut self, bytes: &[u8], etag: Option<String>) -> Bell {
        let key = ObjectKey::Doorbell { space: self.account.account_space() };
        let context = ObjectContext::of_key(&key).expect("a doorbell is an envelope");
        let opened = open_signed(&self.account.keyring, &self.account.identity.directory, &context, bytes);
        let parsed = match &opened {
            Ok(verified) => Doorbell::parse(&verified.document).map_err(|error| Reason::from(&error)),
            Err(error) => Err(Reason::from(error)),
        };
        match parsed {
            Ok(doorbell) => Bell::Read { doorbell, etag },
            Err(reason) => self.refuse_doorbell(reason, etag),
        }
    }

    fn refuse_doorbell(&mut self, reason: Reason, etag: Option<String>) -> Bell {
        let space = self.account.account_space();
        let retry_at_ms = self.now_ms;
        self.quarantine(Quarantined { space, subject: Subject::Doorbell, reason, retry_at_ms });
        Bell::Unreadable { etag, may_replace: !matches!(reason, Reason::NewerFormat | Reason::UnknownKey) }
    }

    /// Wants the segments and checkpoints that the doorbell names in a space and that are new.
    pub(super) fn want_named(&mut self, space: Space) {
        self.sync.spaces_known.insert(space);
        self.want_named_checkpoints(space);
        let Bell::Read { doorbell, .. } = &self.sync.bell else { return };
        let named: Vec<SegmentRef> = doorbell.segments(space).collect();
        for segment in named {
            self.want(space, segment);
        }
    }

    /// Wants again what was set aside and is due for another look.
    fn want_set_aside(&mut self, space: Space) {
        let set_aside: Vec<Subject> = self.account.space(space).quarantined.keys().copied().collect();
        for subject in set_aside {
            match subject {
                Subject::Segment(segment) => self.want(space, segment),
                Subject::Checkpoint(digest) => self.want_checkpoint(space, digest, None),
                Subject::Doorbell | Subject::Grant(_) | Subject::Content(_) => {}
            }
        }
    }

    /// Wants a segment, unless it is here already, or was asked for in vain in this sync.
    pub(super) fn want(&mut self, space: Space, segment: SegmentRef) {
        let memory = self.account.space(space);
        let merged = memory.state.frontier().chain(&segment.of_chain()).filter(|_| planted::is(Bug::NewnessByNumber));
        let known = memory.has(&segment)
            || memory.is_set_aside(&Subject::Segment(segment), self.now_ms)
            || merged.is_some_and(|chain| segment.seq <= chain.tip());
        let asked = self.sync.fetched.get(&space).is_some_and(|fetched| fetched.contains_key(&segment))
            || self.sync.absent.contains(&(space, segment))
            || self.sync.refused.contains(&(space, segment))
            || self.sync.asked.contains(&(space, segment));
        if !known && !asked {
            self.sync.to_fetch.insert((segment.seq, space, segment));
        }
    }

    /// Fetches what is wanted, the lowest numbers first.
    pub(super) fn fetch_segments(&mut self) {
        while self.outstanding() < WAVE {
            let Some((_, space, segment)) = self.sync.to_fetch.pop_first() else { break };
            // A checkpoint may have covered it since it was named.
            if self.account.space(space).has(&segment) {
                continue;
            }
            self.sync.asked.insert((space, segment));
            let key = segment.key(space);
            self.emit(Effect::Get { key, if_none_match: None, range: None }, Task::Segment { space, segment });
        }
        self.sync.phase = Phase::Apply;
    }

    pub(super) fn segment_read(&mut self, space: Space, segment: SegmentRef, outcome: Outcome) {
        match outcome.read() {
            Ok(Read::Found { bytes, last_modified, .. }) => match self.open_segment(space, &segment, &bytes) {
                Ok(document) => {
                    let before = missing_before(&document, |_| false);
                    // A change whose time at the store nobody knows would never be purged: it cannot be later than now.
                    let stored_at = last_modified.or_else(|| Some(Timestamp::from_millis(self.now_ms)));
                    let fetched = Fetched { segment: document, stored_at };
                    self.sync.fetched.entry(space).or_default().insert(segment, fetched);
                    for earlier in before {
                        self.want(space, earlier);
                    }
                }
                Err((reason, retry_at_ms)) => self.refuse_segment(space, segment, reason, retry_at_ms),
            },
            Ok(Read::NotFound | Read::NotModified) => {
                self.sync.absent.insert((space, segment));
            }
            Err(FailureClass::Corrupt) => {
                self.refuse_segment(space, segment, Reason::Corrupt, self.now_ms + BACKSTOP_MS);
            }
            Err(class) => self.sync.fail("get-segment", class),
        }
    }

    fn refuse_segment(&mut self, space: Space, segment: SegmentRef, reason: Reason, retry_at_ms: u64) {
        let subject = Subject::Segment(segment);
        let is_new = !self.account.space(space).quarantined.contains_key(&subject);
        // Bytes may have been damaged on their way, by a proxy or a cache that forgets within the hour: a first refusal of
        // this kind must not hide a sound segment for a day.
        let retry_at_ms = if reason == Reason::Corrupt && is_new { self.now_ms + FRESH_MS } else { retry_at_ms };
        self.sync.refused.insert((space, segment));
        self.quarantine(Quarantined { space, subject, reason, retry_at_ms });
    }

    /// Believes a segment only if its bytes are those that its name promises, its seal and signature hold for this very
    /// name, and everything in it lies in its space. The other case is the reason, and when to look again.
    fn open_segment(&self, space: Space, name: &SegmentRef, bytes: &[u8]) -> Result<Segment, (Reason, u64)> {
        let tomorrow = self.now_ms + BACKSTOP_MS;
        let refused = |reason: Reason| (reason, tomorrow);
        let key = name.key(space);
        if tidegate_protocol::Digest::of(bytes) != name.digest {
            return Err(refused(Reason::Corrupt));
        }
        let context = ObjectContext::of_key(&key).expect("a segment is an envelope");
        let verified = open_signed(&self.account.keyring, &self.account.identity.directory, &context, bytes)
            .map_err(|error| refused(Reason::from(&error)))?;
        let segment = Segment::parse(&verified.document).map_err(|error| refused(Reason::from(&error)))?;
        if (segment.device_id, segment.chain, segment.seq) != (name.device_id, name.chain, name.seq) {
            return Err(refused(Reason::ForgedSignature));
        }
        let outside = |location: &Location| !location.lies_in(space);
        if segment.changes.iter().any(|change| change.location.as_ref().is_some_and(outside)) {
            return Err(refused(Reason::WrongSpace));
        }
        let latest = segment.changes.iter().map(|change| change.hlc).max().unwrap_or_default();
        if latest.is_too_far_ahead(self.now_ms) {
            return Err((Reason::AheadOfClock, latest.millis().saturating_sub(MAX_AHEAD_MS)));
        }
        Ok(segment)
    }

    /// Applies what was fetched in causal order, one batch for all: the changes and the frontier that covers them are
    /// written together, or a crash between them would lose the changes (frontier first) or bring purged ones back.
    pub(super) fn apply_segments(&mut self) {
        self.apply_held(false);
        self.sync.phase = match (self.sync.to_fetch.is_empty(), self.sync.to_list.is_empty()) {
            (false, _) => Phase::Fetch,
            (true, false) => Phase::List,
            (true, true) => self.after_applying(),
        };
        if !self.sync.rows.is_empty() {
            let greatest = self.account.clock.greatest();
            self.sync.rows.push(Row::PutClock(greatest));
            self.persist(Step::Segments);
        }
    }

    /// With everything fetched that can be, the missing is either looked for in a listing or named a hole.
    fn after_applying(&mut self) -> Phase {
        let is_covered =
            |(space, segment): &(Space, SegmentRef)| self.account.spaces.get(space).is_some_and(|memory| memory.has(segment));
        let absent: Vec<(Space, SegmentRef)> = self.sync.absent.iter().filter(|entry| !is_covered(entry)).copied().collect();
        let is_new = |(space, segment): &&(Space, SegmentRef)| {
            !self.sync.spaces_listed.contains(space) && !self.is_known_hole(*space, segment)
        };
        let unlisted: BTreeSet<Space> = absent.iter().filter(is_new).map(|(space, _)| *space).collect();
        if !unlisted.is_empty() {
            self.sync.to_list.extend(unlisted);
            return Phase::List;
        }
        for (space, segment) in absent {
            self.name_hole(space, segment, HoleReason::NamedMissing);
        }
        // Whatever is held by now waits for nothing that could still come.
        self.apply_held(true);
        Phase::Members
    }

    fn apply_held(&mut self, all: bool) {
        let spaces: Vec<Space> = self.sync.fetched.keys().copied().collect();
        for space in spaces {
            self.apply_in(space, all);
        }
    }

    fn apply_in(&mut self, space: Space, all: bool) {
        let Some(mut fetched) = self.sync.fetched.remove(&space) else { return };
        let mut held = BTreeMap::new();
        for name in causal_order(&fetched) {
            let Some(next) = fetched.remove(&name) else { continue };
            let missing = missing_before(&next.segment, |before| self.need_not_wait_for(space, before));
            if all || missing.is_empty() || planted::is(Bug::OutOfCausalOrder) {
                self.apply_one(space, name, &next);
            } else {
                held.insert(name, next);
            }
        }
        if !held.is_empty() {
            self.sync.fetched.insert(space, held);
        }
    }

    /// Whether nothing is gained by waiting for this segment: it is merged, or it will not come in this sync. Then what
    /// comes after it is applied without it: one forged or withheld segment must not stop a device for ever.
    fn need_not_wait_for(&self, space: Space, segment: &SegmentRef) -> bool {
        let entry = (space, *segment);
        let looked_for = self.sync.spaces_listed.contains(&space) || self.is_known_hole(space, segment);
        let given_up = self.sync.absent.contains(&entry) && looked_for;
        let set_aside = self
            .account
            .spaces
            .get(&space)
            .is_some_and(|memory| memory.has(segment) || memory.is_set_aside(&Subject::Segment(*segment), self.now_ms));
        given_up || set_aside || self.sync.refused.contains(&entry)
    }

    /// Whether a segment was missing before, and named so: the daily listing looks for it, not every sync.
    fn is_known_hole(&self, space: Space, segment: &SegmentRef) -> bool {
        self.account.spaces.get(&space).is_some_and(|memory| memory.holes.contains_key(segment))
    }

    fn apply_one(&mut self, space: Space, name: SegmentRef, fetched: &Fetched) {
        for before in missing_before(&fetched.segment, |_| false) {
            let is_there = self.account.spaces.get(&space).is_some_and(|memory| memory.has(&before));
            if self.sync.absent.contains(&(space, before)) && !is_there {
                let is_prev = fetched.segment.predecessor() == Some(before);
                self.name_hole(space, before, if is_prev { HoleReason::PrevMissing } else { HoleReason::SeenMissing });
            }
        }
        let own = name.device_id == self.account.identity.device_id();
        if own {
            self.doubt_beside(space, name);
        }
        let memory = self.account.spaces.entry(space).or_default();
        let new = fetched.segment.changes.iter().filter(|change| !memory.state.contains(change.cid)).count();
        memory.state.apply(name, &fetched.segment.changes, fetched.stored_at);
        let rows = &mut self.sync.rows;
        for change in &fetched.segment.changes {
            self.account.clock.observe(change.hlc);
            if let Some(present) = memory.state.present(change.cid) {
                let (change, brought_by) = (Arc::clone(&present.change), present.brought_by.clone());
                rows.push(Row::PutChange { space, change, brought_by });
            }
            // A change that came back from the store is sent: the device was restored, or another process has sent it.
            if !planted::is(Bug::OutboxNotFilteredByCid) && memory.outbox.remove(&change.cid).is_some() {
                rows.push(Row::RemoveOutbox { space, cid: change.cid });
            }
        }
        rows.push(Row::PutCovered { space, segment: name });
        if memory.quarantined.remove(&Subject::Segment(name)).is_some() {
            rows.push(Row::RemoveQuarantined { space, subject: Subject::Segment(name) });
        }
        if memory.holes.remove(&name).is_some() {
            rows.push(Row::RemoveHole { space, segment: name });
        }
        if !own {
            self.sync.pulled += new as u64;
        }
    }

    fn name_hole(&mut self, space: Space, segment: SegmentRef, reason: HoleReason) {
        let memory = self.account.space(space);
        if memory.holes.contains_key(&segment) {
            return;
        }
        memory.holes.insert(segment, reason);
        self.sync.rows.push(Row::PutHole(Hole { space, segment, reason }));
    }

    /// Keeps the ETag, now that everything that the doorbell names is applied, set aside by name, or a named hole; and the
    /// time of the listings, now that everything in them is. Kept a step earlier, a crash before the segments are applied
    /// would leave a device that is told "not modified" and never asks for them again.
    pub(super) fn settle(&mut self) {
        let mut memory = self.account.doorbell.clone();
        let spaces = self.account.open_spaces();
        match &self.sync.bell {
            Bell::Read { doorbell, etag } => {
                memory.etag.clone_from(etag);
                memory.ring |= !spaces.iter().all(|space| self.account.is_named_in(doorbell, *space));
            }
            Bell::Absent | Bell::Unreadable { may_replace: true, .. } => {
                memory.etag = None;
                memory.ring |= spaces
                    .iter()
                    .any(|space| self.account.spaces.get(space).is_some_and(|memory| !memory.state.frontier().is_empty()));
            }
            Bell::Unreadable { may_replace: false, .. } => memory.etag = None,
            Bell::Unread | Bell::Unchanged => {}
        }
        if memory != self.account.doorbell {
            self.account.doorbell = memory.clone();
            self.sync.rows.push(Row::PutDoorbell(memory));
        }
        for (space, listing) in &self.sync.listed {
            let (space, listed_at_ms) = (*space, listing.began_ms);
            self.account.space(space).listed_at_ms = Some(listed_at_ms);
            self.sync.rows.push(Row::PutListedAt { space, listed_at_ms });
        }
        self.persist(Step::Doorbell);
        self.sync.phase = Phase::Tidy;
    }
}
