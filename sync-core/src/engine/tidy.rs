//! What a complete listing allows: to raise floors, to purge, and to notice what the store has lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegate_protocol::{Digest, Space};

use super::account::SpaceMemory;
use super::persist::{Row, Step};
use super::pull::Bell;
use super::sync::{Listing, Phase, Turn};
use crate::garbage::check_read;
use crate::manifest::{Chain, ChainFrontier, floor_of};
use crate::notice::{Notice, NoticeKind};
use crate::quarantine::{Reason, Subject};
use crate::state::{FRESH_MS, KnownCheckpoint, OLD_MS, due_for_purge};

impl Turn<'_> {
    /// Tidies every space that was listed completely, now that everything in the listings is applied.
    pub(super) fn tidy(&mut self) {
        self.sync.phase = Phase::LookForFork;
        for (space, listing) in std::mem::take(&mut self.sync.listed) {
            self.forget_collected_checkpoints(space, &listing);
            self.notice_lost_segments(space, &listing);
            self.raise_floors(space, listing.began_ms);
            self.take_listed_times(space, &listing);
            let is_fresh = self.now_ms.saturating_sub(listing.began_ms) <= FRESH_MS;
            // A space that has only just come is left as it came: to look for what is due is to read all of it.
            let has_just_come = self.sync.spaces_begun.contains(&space);
            if is_fresh && !has_just_come && is_all_merged(self.account.space(space)) {
                self.purge(space);
            }
        }
        self.persist(Step::Purge);
    }

    /// Checkpoints that are in the store no longer need not be remembered. One that was stored a moment ago may be missing
    /// in a listing that lags behind.
    fn forget_collected_checkpoints(&mut self, space: Space, listing: &Listing) {
        let memory = self.account.space(space);
        let is_gone = |known: &KnownCheckpoint| known.stored_at_ms.saturating_add(FRESH_MS) < listing.began_ms;
        let gone: Vec<_> = memory
            .checkpoints
            .iter()
            .filter(|(digest, known)| !listing.checkpoints.contains(digest) && is_gone(known))
            .map(|(digest, _)| *digest)
            .collect();
        for checkpoint in gone {
            memory.checkpoints.remove(&checkpoint);
            self.sync.rows.push(Row::RemoveCheckpoint { space, checkpoint });
        }
        // What was listed once and could not be read, and is neither listed nor named any more: the collector has taken what
        // was left of it. While the doorbell names it, it is remembered, so that the next ring does not.
        let named: BTreeSet<Digest> = match &self.sync.bell {
            Bell::Read { doorbell, .. } => doorbell.checkpoints(space).collect(),
            Bell::Unread | Bell::Unchanged | Bell::Absent | Bell::Unreadable { .. } => BTreeSet::new(),
        };
        let is_there = |digest: &Digest| listing.checkpoints.contains(digest) || named.contains(digest);
        let is_lost = |subject: &Subject| matches!(subject, Subject::Checkpoint(digest) if !is_there(digest));
        let missing = memory.quarantined.iter().filter(|(_, (reason, _))| *reason == Reason::MissingContent);
        let lost: Vec<Subject> = missing.map(|(subject, _)| *subject).filter(is_lost).collect();
        for subject in lost {
            memory.quarantined.remove(&subject);
            self.sync.rows.push(Row::RemoveQuarantined { space, subject });
        }
    }

    /// Segments that were merged here, that no checkpoint in the store covers, and that are not listed: the store went back
    /// in time, or somebody has deleted them. What was in them is written down anew, as a checkpoint.
    ///
    /// A listing may lag behind what was stored a moment ago. Where a person has asked for a look, that is no reason to wait
    /// for the next day: at worst a checkpoint is written that nobody needed.
    fn notice_lost_segments(&mut self, space: Space, listing: &Listing) {
        let lag_ms = if self.sync.options.look_again { 0 } else { FRESH_MS };
        let memory = self.account.space(space);
        let is_settled = |at_ms: u64| at_ms.saturating_add(lag_ms) < listing.began_ms;
        let in_store: Vec<&KnownCheckpoint> = memory
            .checkpoints
            .iter()
            .filter(|(digest, _)| listing.checkpoints.contains(digest))
            .map(|(_, known)| known)
            .collect();
        let is_lost = memory.state.origins().any(|brought_by| {
            !brought_by.is_empty()
                && brought_by.iter().all(|(segment, at)| {
                    at.is_some_and(|at| is_settled(at.millis()))
                        && !listing.segments.contains_key(segment)
                        && !in_store.iter().any(|known| known.frontier.covers(segment))
                })
        });
        if is_lost {
            self.sync.checkpoints_wished.insert(space);
            self.tell(space, NoticeKind::StoreLostSegments);
        }
    }

    /// What the store lists is what all devices go by. An author whose answer was lost has written down when it asked again, and
    /// one that sent again has made the segment younger than others think: each would purge at another time.
    fn take_listed_times(&mut self, space: Space, listing: &Listing) {
        let memory = self.account.space(space);
        for cid in memory.state.take_listed_times(&listing.segments) {
            let Some(present) = memory.state.present(cid) else { continue };
            let (change, brought_by) = (Arc::clone(&present.change), present.brought_by.clone());
            self.sync.rows.push(Row::PutChange { space, change, brought_by });
        }
    }

    /// By checkpoints that were *old* when the listing began: a device that slept for a week between its listing and this has
    /// not seen what a clone has stored under one of their numbers since.
    fn raise_floors(&mut self, space: Space, listed_at_ms: u64) {
        let memory = self.account.space(space);
        let is_old = |known: &&KnownCheckpoint| known.stored_at_ms.saturating_add(OLD_MS) < listed_at_ms;
        let nothing = ChainFrontier::default();
        let mut raised = Vec::new();
        for (chain, ours) in memory.state.frontier().chains() {
            let set_aside = numbers_not_merged(memory, chain);
            let floors = memory.checkpoints.values().filter(is_old).map(|known| {
                let old = known.frontier.chain(chain).unwrap_or(&nothing);
                floor_of(ours, old, set_aside.iter().copied())
            });
            if let Some(floor) = floors.max().filter(|floor| *floor > ours.floor()) {
                raised.push((*chain, floor));
            }
        }
        for (chain, floor) in raised {
            memory.state.raise_floor(chain, floor);
            self.sync.rows.push(Row::RaiseFloor { space, chain, floor });
        }
    }

    fn purge(&mut self, space: Space) {
        let memory = self.account.space(space);
        for cid in due_for_purge(&memory.state, self.now_ms) {
            self.account.space(space).state.remove(cid);
            self.sync.rows.push(Row::RemoveChange { space, cid });
            self.sync.purged += 1;
        }
    }

    /// Puts down what a person should be told.
    pub(super) fn tell(&mut self, space: Space, kind: NoticeKind) {
        let notice = Notice { space, kind, noticed_at_ms: self.now_ms };
        self.account.space(space).notices.insert(kind, notice.noticed_at_ms);
        self.sync.rows.push(Row::PutNotice(notice));
    }
}

/// Whether everything that is known of a space is merged: only then may something be purged.
///
/// Two clones send the same edit, each in a segment of its own, and one of them deletes it. A device that has merged the one
/// segment and the delete, purges both a quarter later, and reads the other segment after that, has the edit back, alone.
/// The other may be one that it could not read or find so far; or its own, built and not confirmed: that counts as had when
/// it is listed.
fn is_all_merged(memory: &SpaceMemory) -> bool {
    let not_believed = memory.quarantined.iter().map(|(subject, (reason, _))| (subject, reason));
    memory.built.is_none() && check_read(memory.holes.values(), not_believed).is_ok()
}

/// The numbers of a chain's segments that are known of and not merged.
fn numbers_not_merged(memory: &SpaceMemory, chain: &Chain) -> BTreeSet<u64> {
    let set_aside = memory.quarantined.keys().filter_map(|subject| match subject {
        Subject::Segment(segment) => Some(*segment),
        Subject::Doorbell | Subject::Checkpoint(_) | Subject::Grant(_) | Subject::Content(_) => None,
    });
    set_aside
        .chain(memory.holes.keys().copied())
        // Built and not confirmed: it may be in the store beside a clone's of the same number.
        .chain(memory.built.iter().map(|built| built.segment))
        .filter(|segment| segment.of_chain() == *chain)
        .map(|segment| segment.seq)
        .collect()
}
