//! The checkpoint rule: when a whole state is written down, what stands in it, and when one is believed.
//!
//! A checkpoint says: of all segments that my frontier covers, this is what is left. So whoever merges it needs none of
//! them, and what it has not, though it was covered, is gone for good. Every checkpoint that is named or listed is merged;
//! merging is the same whatever the order, so it does not matter who wrote which and when.
//!
//! The schedule that breaks a checkpoint that covers what its author had not merged: a segment is set aside because it was
//! altered on the way, the checkpoint covers it by its number all the same, and everybody who merges the checkpoint takes
//! the edits in that segment for purged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_protocol::Digest;

use super::merge::State;
use super::origins::Origins;
use crate::manifest::{Checkpoint, CheckpointLine, Cid, Frontier, Op, Origin, SegmentRef, Shared, Timestamp};
use crate::planted::{self, Bug};

/// How many changes since the last checkpoint there must be at least before another one is made.
pub const CHECKPOINT_MINIMUM: usize = 1_000;

/// A checkpoint that was merged here and may still be in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCheckpoint {
    /// When the store took it, in milliseconds since 1970.
    pub stored_at_ms: u64,
    /// What it covers.
    pub frontier: Frontier,
    /// The checkpoints that its author had merged: whoever has merged this one needs none of them.
    pub includes: BTreeSet<Digest>,
}

/// The checkpoints that were merged.
pub type KnownCheckpoints = BTreeMap<Digest, KnownCheckpoint>;

/// Whether a checkpoint is to be made: once the changes since the last one outnumber a quarter of the state. So all
/// checkpoints together cost a joining device and the store no more than a few times the state, however long the history.
#[must_use]
pub fn is_checkpoint_due(changes_since: usize, changes: usize, minimum: usize) -> bool {
    changes_since > minimum.max(changes / 4)
}

/// How many changes no known checkpoint has.
#[must_use]
pub fn changes_since(state: &State, known: &KnownCheckpoints) -> usize {
    let has = |segment: &SegmentRef| known.values().any(|known| known.frontier.covers(segment));
    let is_new = |brought_by: &Origins| !brought_by.is_empty() && !brought_by.keys().any(has);
    state.origins().filter(|brought_by| is_new(brought_by)).count()
}

/// Whether a checkpoint need not be read: it was merged, or another one that was merged includes it.
#[must_use]
pub fn is_included(checkpoint: &Digest, known: &KnownCheckpoints) -> bool {
    known.contains_key(checkpoint) || known.values().any(|known| known.includes.contains(checkpoint))
}

/// The known checkpoints that no other one includes: those that a joining device has to read.
#[must_use]
pub fn maximal(known: &KnownCheckpoints) -> BTreeSet<Digest> {
    let is_within = |digest: &Digest| known.iter().any(|(other, known)| other != digest && known.includes.contains(digest));
    known.keys().copied().filter(|digest| !is_within(digest)).collect()
}

/// What brought the changes of a checkpoint, one copy for all that the same segments brought.
#[derive(Debug, Default)]
pub(crate) struct SharedOrigins(BTreeSet<Origins>);

impl SharedOrigins {
    /// What brought the change of a line, with the times of a listing.
    pub(crate) fn of(&mut self, line: &CheckpointLine, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> Origins {
        let mut brought_by: Origins = line.brought_by.iter().map(|origin| (origin.segment, origin.stored_at)).collect();
        brought_by.take_listed_times(listed);
        if let Some(known) = self.0.get(&brought_by) {
            return known.clone();
        }
        self.0.insert(brought_by.clone());
        brought_by
    }
}

impl State {
    /// The state as a checkpoint: all that was merged, nothing of the outbox.
    #[must_use]
    pub fn to_checkpoint(&self, includes: BTreeSet<Digest>) -> Checkpoint {
        let sent = self.changes().filter(|present| !present.brought_by.is_empty());
        let origin = |(segment, at): (&SegmentRef, &Option<Timestamp>)| Origin { segment: *segment, stored_at: *at };
        let mut shared = Shared::default();
        let lines = sent.map(|present| {
            let line = CheckpointLine::new(Arc::clone(&present.change), present.brought_by.iter().map(origin));
            shared.share(line)
        });
        let frontier = match planted::is(Bug::CheckpointCoversUnmerged) {
            false => self.frontier().clone(),
            true => planted::up_to_the_tips(self.frontier()),
        };
        Checkpoint { frontier, checkpoints: includes, part: None, lines: lines.collect() }
    }

    /// The state that a checkpoint holds.
    #[must_use]
    pub fn of_checkpoint(checkpoint: Checkpoint) -> Self {
        let mut state = Self::new();
        state.restore_frontier(&checkpoint.frontier);
        let (mut shared, not_listed) = (SharedOrigins::default(), BTreeMap::new());
        for line in checkpoint.lines {
            let brought_by = shared.of(&line, &not_listed);
            state.restore(line.change, brought_by);
        }
        state
    }

    /// Whether two states that have merged the same segments show different edits: then one of them covers what it has
    /// not merged, and to believe it would be to lose edits.
    #[must_use]
    pub fn disagrees_with(&self, other: &Self) -> bool {
        let have_the_same = self.frontier().reaches(other.frontier()) && other.frontier().reaches(self.frontier());
        have_the_same && self.agreed_heads() != other.agreed_heads()
    }

    /// The edits that nothing sent supersedes. Deletes are left out: one device may have purged them before the other.
    fn agreed_heads(&self) -> BTreeSet<Cid> {
        let is_head = |cid: Cid| self.superseders(cid).all(|by| by.brought_by.is_empty());
        let sent = self.changes().filter(|present| !present.brought_by.is_empty() && is_edit(present.change.op));
        sent.map(|present| present.change.cid).filter(|cid| is_head(*cid)).collect()
    }
}

const fn is_edit(op: Op) -> bool {
    match op {
        Op::Put | Op::Resolve => true,
        Op::Delete | Op::Relocate => false,
    }
}
