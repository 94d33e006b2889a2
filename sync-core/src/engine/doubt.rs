//! After a restored backup or beside a clone: a new chain, and what becomes of the outbox.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegate_protocol::{ChainId, Space};

use super::clone::{Fork, fork_of, is_built_too_long};
use super::doubtful::{Verdict, verdicts};
use super::persist::{BuiltSegment, OwnChain, Row, Step};
use super::sync::{Phase, Turn};
use crate::clock::{Clock, Hlc};
use crate::manifest::{Chain, Change, Cid, SegmentRef};
use crate::notice::NoticeKind;
use crate::planted::{self, Bug};
use crate::quarantine::Subject;
use crate::state::Origins;

impl Turn<'_> {
    /// Looks for signs of another writer under the own chains, now that everything that is known is merged, and before
    /// anything is sent.
    pub(super) fn look_for_fork(&mut self) {
        self.sync.phase = Phase::Doubt;
        for space in self.account.open_spaces() {
            match self.fork_in(space) {
                Some(Fork::BuiltTooLong) => self.begin_new_chain(space),
                Some(Fork::Foreign(_) | Fork::FloorAbove(_)) => {
                    self.begin_new_chain(space);
                    self.tell(space, NoticeKind::RestoredOrCloned);
                }
                None => {}
            }
        }
        self.persist(Step::Doubt);
    }

    fn fork_in(&self, space: Space) -> Option<Fork> {
        let memory = self.account.spaces.get(&space)?;
        let own = memory.chain?;
        let device_id = self.account.identity.device_id();
        let merged = memory.state.frontier().chain(&Chain { device_id, chain: own.chain });
        let merged = merged.filter(|_| !planted::is(Bug::OwnChainNotInTheFrontier));
        let set_aside = memory.quarantined.keys().filter_map(|subject| match subject {
            Subject::Segment(segment) => Some(*segment),
            Subject::Doorbell | Subject::Checkpoint(_) | Subject::Grant(_) | Subject::Content(_) => None,
        });
        let known: BTreeSet<SegmentRef> = set_aside.chain(memory.holes.keys().copied()).collect();
        let fork = fork_of(&own, device_id, memory.built.as_ref(), merged, known);
        let is_too_old = |built: &&BuiltSegment| is_built_too_long(built, self.now_ms) && !planted::is(Bug::OldUploadReused);
        fork.or_else(|| memory.built.as_ref().filter(is_too_old).map(|_| Fork::BuiltTooLong))
    }

    /// The next segment begins a new chain; what was built and not confirmed is dropped, and its changes are in the outbox
    /// still; and everything in the outbox is in doubt until a complete listing is applied.
    fn begin_new_chain(&mut self, space: Space) {
        let chain = OwnChain { chain: ChainId::new(self.rng.next_u64()), seq: 0, prev: None };
        let memory = self.account.spaces.entry(space).or_default();
        let chain = memory.chain.filter(|_| planted::is(Bug::NoNewChain)).unwrap_or(chain);
        memory.chain = Some(chain);
        self.sync.rows.push(Row::PutChain { space, chain });
        if memory.built.take().is_some() {
            self.sync.rows.push(Row::RemoveBuilt { space });
            // It may be stored all the same. What was named or listed before has passed it over, for it counted as had.
            self.sync.spaces_listed.remove(&space);
            self.sync.to_list.insert(space);
        }
        for (cid, doubtful) in &mut memory.outbox {
            *doubtful = true;
            self.sync.rows.push(Row::PutOutbox { space, cid: *cid, doubtful: true });
        }
    }

    /// A segment that is about to be merged stands under this device's name, and not under the chain that it writes: another
    /// one with its disk has written it, or it itself, on a later day than the backup that it was restored from. What waits
    /// in the outbox may have been sent with it, replaced and purged since.
    ///
    /// Its own chain alone does not tell: a backup from before the first segment knows of none.
    pub(super) fn doubt_beside(&mut self, space: Space, segment: SegmentRef) {
        let memory = self.account.spaces.entry(space).or_default();
        let is_own = memory.chain.is_some_and(|own| own.chain == segment.chain);
        let merged = memory.state.frontier().chain(&segment.of_chain());
        if is_own || memory.state.frontier().covers(&segment) {
            return;
        }
        let is_new_chain = merged.is_none();
        // What is built was known to be unsent a moment before it was built, and goes as it is or not at all.
        let built: BTreeSet<Cid> = memory.built.iter().flat_map(|built| built.cids.iter().copied()).collect();
        for (cid, doubtful) in memory.outbox.iter_mut().filter(|(cid, _)| !built.contains(cid)) {
            *doubtful = true;
            self.sync.rows.push(Row::PutOutbox { space, cid: *cid, doubtful: true });
        }
        if is_new_chain {
            self.tell(space, NoticeKind::RestoredOrCloned);
        }
    }

    /// Decides about doubtful edits; a space that has some is listed first. Whatever was stored under this device's name
    /// before is known then: had it been sent, an edit younger than R would be found.
    pub(super) fn decide_doubtful(&mut self) {
        let doubtful = |space: &Space| self.account.spaces[space].outbox.values().any(|doubtful| *doubtful);
        let in_doubt: Vec<Space> = self.account.open_spaces().into_iter().filter(doubtful).collect();
        let unlisted: Vec<Space> = in_doubt.iter().copied().filter(|space| !self.sync.spaces_listed.contains(space)).collect();
        self.sync.to_list.extend(unlisted);
        if !self.sync.to_list.is_empty() {
            self.sync.phase = Phase::List;
            return;
        }
        for space in in_doubt {
            self.decide_in(space);
        }
        self.stamp_anew();
        self.sync.phase = if self.is_collecting() { Phase::Collect } else { Phase::SendGrants };
        self.persist(Step::Doubt);
    }

    fn decide_in(&mut self, space: Space) {
        let memory = self.account.spaces.entry(space).or_default();
        let decided = verdicts(&memory.state, &memory.outbox, self.now_ms, &mut self.account.clock, self.rng);
        let is_any_kept = decided.values().any(|verdict| matches!(verdict, Verdict::Kept(_)));
        for (cid, verdict) in decided {
            match verdict {
                Verdict::Ordinary => {
                    self.account.space(space).outbox.insert(cid, false);
                    self.sync.rows.push(Row::PutOutbox { space, cid, doubtful: false });
                }
                Verdict::Kept(change) | Verdict::Anew(change) => self.replace_unsent(space, cid, Some(*change)),
                Verdict::Void => self.replace_unsent(space, cid, None),
                Verdict::Sent => {
                    self.account.space(space).outbox.remove(&cid);
                    self.sync.rows.push(Row::RemoveOutbox { space, cid });
                }
            }
        }
        if is_any_kept {
            self.tell(space, NoticeKind::EditsKept);
        }
        self.sync.rows.push(Row::PutClock(self.account.clock.greatest()));
    }

    /// Takes an unsent change away, or puts another one in its place, in one batch.
    fn replace_unsent(&mut self, space: Space, cid: Cid, by: Option<Change>) {
        let memory = self.account.space(space);
        memory.state.remove(cid);
        memory.outbox.remove(&cid);
        let by = by.map(Arc::new);
        if let Some(change) = &by {
            memory.state.insert_unsent(Arc::clone(change));
            memory.outbox.insert(change.cid, false);
        }
        self.sync.rows.push(Row::RemoveChange { space, cid });
        self.sync.rows.push(Row::RemoveOutbox { space, cid });
        if let Some(change) = by {
            let (cid, brought_by) = (change.cid, Origins::default());
            self.sync.rows.push(Row::PutChange { space, change, brought_by });
            self.sync.rows.push(Row::PutOutbox { space, cid, doubtful: false });
        }
    }

    /// Stamps unsent edits anew that were made while the clock was more than a day ahead: sent as they are, all others
    /// would set them aside until that day. The clock falls back to what others have seen.
    fn stamp_anew(&mut self) {
        if !self.account.clock.greatest().is_too_far_ahead(self.now_ms) {
            return;
        }
        let mut ahead: Vec<(Hlc, Space, Cid)> = Vec::new();
        let mut greatest = Hlc::default();
        for (space, memory) in &self.account.spaces {
            for present in memory.state.changes() {
                let change = &present.change;
                let is_built = memory.built.as_ref().is_some_and(|built| built.cids.contains(&change.cid));
                if change.hlc.is_too_far_ahead(self.now_ms) && memory.outbox.contains_key(&change.cid) && !is_built {
                    ahead.push((change.hlc, *space, change.cid));
                } else if !change.hlc.is_too_far_ahead(self.now_ms) {
                    greatest = greatest.max(change.hlc);
                }
            }
        }
        self.account.clock = Clock::resume(greatest);
        self.sync.rows.push(Row::ResetClock(greatest));
        // In the order in which they were made, so that each still comes after what it replaces.
        ahead.sort_unstable();
        for (_, space, cid) in ahead {
            let Ok(hlc) = self.account.clock.tick(self.now_ms) else { continue };
            let memory = self.account.space(space);
            let Some(change) = memory.state.get(cid).map(|change| Change { hlc, ..change.clone() }) else { continue };
            let change = Arc::new(change);
            memory.state.insert_unsent(Arc::clone(&change));
            let brought_by = Origins::default();
            self.sync.rows.push(Row::PutChange { space, change, brought_by });
        }
        self.sync.rows.push(Row::PutClock(self.account.clock.greatest()));
    }
}
