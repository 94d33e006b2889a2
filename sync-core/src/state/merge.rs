//! The merge rule: the changes present in a space and its frontier, applying segments, and how two states become one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_protocol::ContentHmac;

use super::changes::Changes;
use super::origins::Origins;
use super::past::{ChangeStore, Held};
use crate::lazy::{Lazy, Source};
use crate::manifest::{Chain, Change, Cid, Frontier, Location, Register, SegmentRef, Target, Timestamp};
use crate::planted::{self, Bug};

/// A change that is present, and what brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct Present {
    /// The change; shared with the rows that are written of it.
    pub change: Arc<Change>,
    /// The segments that brought it, with their LastModified where known; none while it waits in the outbox.
    ///
    /// All of them, not the first alone: a change that was sent again in a second segment is gone only where both segments
    /// are covered, and with one remembered per device, merging would give different states in different orders.
    pub brought_by: Origins,
}

/// What a merge has done to the changes of the state that it was done to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Changes that are new, or were brought by more or fewer segments than before.
    pub changed: Vec<Cid>,
    /// Changes that are gone: they were purged.
    pub removed: Vec<Cid>,
}

/// The state of a space. Changes from the outbox are in it too, so that the app sees its own edits at once; they are no part
/// of what devices agree on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    changes: Lazy<Held>,
    frontier: Frontier,
}

impl State {
    /// The state of a space in which nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A state whose changes are read when they are first looked at: first those that may compete, the others when one of
    /// them is asked for. Of those that no segment has brought, it takes what is in the outbox.
    #[must_use]
    pub fn from_store(store: Arc<dyn ChangeStore>, outbox: BTreeSet<Cid>) -> Self {
        Self { changes: Lazy::from_source(changes_of(store, outbox)), frontier: Frontier::default() }
    }

    /// Puts what a store has now in the place of the changes: to be read as by [`State::from_store`]. The frontier stays.
    pub(crate) fn read_anew(&mut self, store: Arc<dyn ChangeStore>, outbox: BTreeSet<Cid>) {
        self.changes.replace(changes_of(store, outbox));
    }

    /// Whether the changes were read, or never had to be.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.changes.is_read()
    }

    /// Whether the changes could not be read: then nothing that this says may be relied on.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.changes.has_failed() || self.changes.peek().is_some_and(Held::has_failed)
    }

    /// Whether changes may have come, gone or become others since [`State::forget_altered`].
    pub(crate) const fn is_altered(&self) -> bool {
        self.changes.is_altered()
    }

    pub(crate) const fn forget_altered(&mut self) {
        self.changes.forget_altered();
    }

    /// What was merged.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The changes present, in the order of their ids.
    pub fn changes(&self) -> impl Iterator<Item = &Present> {
        self.changes.get().all().iter()
    }

    /// How many changes are present.
    #[must_use]
    pub fn count(&self) -> usize {
        self.changes.get().count()
    }

    /// What brought each of the changes present, in no order.
    pub fn origins(&self) -> impl Iterator<Item = &Origins> {
        self.changes.get().origins()
    }

    /// Whether a change is present.
    #[must_use]
    pub fn contains(&self, cid: Cid) -> bool {
        self.changes.get().contains(cid)
    }

    /// One change, if it is present.
    #[must_use]
    pub fn get(&self, cid: Cid) -> Option<&Change> {
        self.present(cid).map(|present| &*present.change)
    }

    /// One change and what brought it, if it is present.
    #[must_use]
    pub fn present(&self, cid: Cid) -> Option<&Present> {
        self.changes.get().get(cid)
    }

    /// Applies a segment's changes and takes note of the segment; one that is covered changes nothing.
    ///
    /// A change that is already present gains an origin. That covers an edit sent in two segments by a device that was
    /// restored from a backup: it stays one change.
    pub fn apply(&mut self, segment: SegmentRef, changes: &[Change], stored_at: Option<Timestamp>) {
        if self.frontier.covers(&segment) {
            return;
        }
        self.frontier.insert(&segment);
        let brought_by: Origins = [(segment, stored_at)].into_iter().collect();
        let present = self.changes.get_mut().mut_for(changes);
        for change in changes {
            present.insert(Arc::new(change.clone()), brought_by.clone());
        }
    }

    /// Takes in a change of this device that no stored segment carries yet, or replaces it by its finished form.
    pub fn insert_unsent(&mut self, change: impl Into<Arc<Change>>) {
        let change: Arc<Change> = change.into();
        let changes = self.changes.get_mut().mut_for([&*change]);
        match changes.get(change.cid) {
            Some(present) if present.brought_by.is_empty() => changes.replace(change),
            Some(_) => {}
            None => changes.insert(change, Origins::default()),
        }
    }

    /// Restores a change as it was saved.
    pub fn restore(&mut self, change: impl Into<Arc<Change>>, brought_by: Origins) {
        let change = change.into();
        self.changes.get_mut().mut_for([&*change]).insert(change, brought_by);
    }

    /// Restores the frontier as it was saved.
    pub fn restore_frontier(&mut self, frontier: &Frontier) {
        self.frontier.merge(frontier);
    }

    /// Merges another state: a change stays if both have it, or if one has it and the other has not merged the segment that
    /// brought it.
    ///
    /// So what one of them has merged and no longer has is gone for good: it was purged, and nobody has to be asked. Without
    /// the frontier's word every purged change would come back with the next device that still has it. Decided for each
    /// pair of change and segment, this is the same whatever the order and however often it is done. Unsent changes stay.
    pub fn merge(&mut self, other: &Self) -> Merged {
        let mut merged = Merged::default();
        let gone: Vec<Cid> = self.changes.get().all().cids().filter(|cid| !other.contains(*cid)).collect();
        for cid in gone {
            self.forget_covered(cid, other, &mut merged);
        }
        for theirs in other.changes() {
            self.take_in(theirs, other, &mut merged);
        }
        self.frontier.merge(&other.frontier);
        merged
    }

    /// Of a change that only this state has, the segments stay that the other has not merged; with the last one it goes.
    fn forget_covered(&mut self, cid: Cid, other: &Self, merged: &mut Merged) {
        let changes = self.changes.get_mut().all_mut();
        let Some(present) = changes.get_mut(cid) else { return };
        let before = present.brought_by.len();
        present.brought_by.retain(|segment| !other.frontier.covers(segment));
        if before > 0 && present.brought_by.is_empty() {
            changes.remove(cid);
            merged.removed.push(cid);
        } else if present.brought_by.len() != before {
            merged.changed.push(cid);
        }
    }

    fn take_in(&mut self, theirs: &Present, other: &Self, merged: &mut Merged) {
        let cid = theirs.change.cid;
        let changes = self.changes.get_mut().all_mut();
        let ours = changes.get(cid);
        if ours.is_some_and(|ours| ours == theirs) {
            return;
        }
        let is_ours = |segment: &SegmentRef| ours.is_some_and(|ours| ours.brought_by.contains_key(segment));
        let stays = |segment: &SegmentRef| is_ours(segment) || !self.frontier.covers(segment);
        let mut brought = theirs.brought_by.clone();
        brought.retain(stays);
        let before = ours.cloned();
        let was_sent = before.as_ref().is_some_and(|before| !before.brought_by.is_empty());
        if let Some(present) = changes.get_mut(cid) {
            let has = |segment: &SegmentRef| theirs.brought_by.contains_key(segment);
            present.brought_by.retain(|segment| has(segment) || !other.frontier.covers(segment));
            if was_sent && present.brought_by.is_empty() {
                // None of the segments that brought our copy counts any more: of two contents it must not be the one kept.
                changes.remove(cid);
            }
        }
        if !brought.is_empty() {
            changes.insert(Arc::clone(&theirs.change), brought);
        }
        match changes.get(cid) {
            None if before.is_some() => merged.removed.push(cid),
            Some(present) if before.as_ref() != Some(present) => merged.changed.push(cid),
            Some(_) | None => {}
        }
    }

    /// Lets a chain's floor rise.
    pub fn raise_floor(&mut self, chain: Chain, floor: u64) {
        self.frontier.raise_floor(chain, floor);
    }

    /// Takes the times at which the store says that it took segments; gives the changes whose time this has moved.
    pub(crate) fn take_listed_times(&mut self, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> Vec<Cid> {
        if !self.origins().any(|brought_by| brought_by.is_listed_otherwise(listed)) {
            return Vec::new();
        }
        let changes = self.changes.get_mut().all_mut().iter_mut();
        let moved = changes.filter_map(|present| present.brought_by.take_listed_times(listed).then_some(present.change.cid));
        moved.collect()
    }

    /// Takes a change away: it was purged, or it never left the outbox.
    pub fn remove(&mut self, cid: Cid) -> Option<Present> {
        self.changes.get_mut().mut_without(cid).remove(cid)
    }

    /// Whether a present change names this one as superseded. The superseder need not be of the same register, and the
    /// superseded one need not be present.
    #[must_use]
    pub fn is_superseded(&self, cid: Cid) -> bool {
        self.changes.get().is_superseded(cid)
            || (planted::is(Bug::SupersedesByPlace) && planted::is_superseded_by_place(self, cid))
    }

    /// The present changes that supersede this one.
    pub fn superseders(&self, cid: Cid) -> impl Iterator<Item = &Present> {
        self.changes.get().superseders(cid)
    }

    /// The heads of a register: its changes that no present change supersedes, in the order of their ids.
    #[must_use]
    pub fn heads(&self, register: &Register) -> Vec<&Change> {
        let cids = self.changes.get().near().of_register(register);
        cids.filter(|cid| !self.is_superseded(*cid)).filter_map(|cid| self.get(cid)).collect()
    }

    /// The heads of all registers of a target: an attachment has one for each record at which it hangs.
    #[must_use]
    pub fn heads_of_target(&self, target: Target) -> Vec<&Change> {
        self.registers_of(target).flat_map(|register| self.heads(register)).collect()
    }

    /// The heads of a target as they are for everybody else: what only unsent changes of this device supersede is one still.
    #[must_use]
    pub fn sent_heads_of_target(&self, target: Target) -> Vec<&Change> {
        let is_sent = |present: &Present| !present.brought_by.is_empty();
        let cids = self.registers_of(target).flat_map(|register| self.changes.get().near().of_register(register));
        let sent = cids.filter_map(|cid| self.present(cid)).filter(|present| is_sent(present));
        sent.map(|present| &*present.change).filter(|change| !self.superseders(change.cid).any(is_sent)).collect()
    }

    /// All changes of a target that are present, in the order in which they were made.
    #[must_use]
    pub fn history(&self, target: Target) -> Vec<&Change> {
        let all = self.changes.get().all();
        let cids = registers_of(all, target).flat_map(|register| all.of_register(register));
        let mut changes: Vec<&Change> = cids.filter_map(|cid| all.get(cid)).map(|present| &*present.change).collect();
        changes.sort_by_key(|change| change.rank());
        changes
    }

    /// All registers in which something may compete, in order.
    pub fn registers(&self) -> impl Iterator<Item = &Register> {
        self.changes.get().near().registers()
    }

    /// The registers of attachments, in order.
    pub fn attachments(&self) -> impl Iterator<Item = (ContentHmac, &Register)> {
        let first = Register { target: Target::Attachment(ContentHmac::from_bytes([0; 32])), at: None };
        self.changes.get().near().registers_from(first).filter_map(|register| match register.target {
            Target::Attachment(hmac) => Some((hmac, register)),
            Target::Record(_) => None,
        })
    }

    /// The registers of one target, in order.
    pub fn registers_of(&self, target: Target) -> impl Iterator<Item = &Register> {
        registers_of(self.changes.get().near(), target)
    }

    /// Where a change's content lies now: the last word by (HLC, cid) of the change itself and the relocations that name it.
    ///
    /// Each with the SHA-256 of the stored bytes. Relocations touch neither version nor winner, so packing or resealing on
    /// one device never looks like an edit on another.
    #[must_use]
    pub fn whereabouts(&self, cid: Cid) -> Option<&Change> {
        let own = self.get(cid);
        let moved = self.changes.get().near().relocations(cid).filter_map(|relocation| self.get(relocation));
        own.into_iter().chain(moved).filter(|change| change.location.is_some()).max_by_key(|change| change.rank())
    }

    /// The same by the word of changes alone that are in the store: where all others look.
    #[must_use]
    pub fn whereabouts_sent(&self, cid: Cid) -> Option<&Change> {
        let moved = self.changes.get().near().relocations(cid);
        let speakers = std::iter::once(cid).chain(moved).filter_map(|speaker| self.present(speaker));
        let sent = speakers.filter(|present| !present.brought_by.is_empty() && present.change.location.is_some());
        sent.map(|present| &*present.change).max_by_key(|change| change.rank())
    }

    /// The place of a change's content, see [`State::whereabouts`].
    #[must_use]
    pub fn location(&self, cid: Cid) -> Option<&Location> {
        let place = if planted::is(Bug::FirstLocationWins) { self.get(cid) } else { self.whereabouts(cid) };
        place?.location.as_ref()
    }
}

fn changes_of(store: Arc<dyn ChangeStore>, outbox: BTreeSet<Cid>) -> Source<Held> {
    Box::new(move || Held::from_store(&store, &outbox))
}

fn registers_of(changes: &Changes, target: Target) -> impl Iterator<Item = &Register> {
    let first = Register { target, at: None };
    changes.registers_from(first).take_while(move |register| register.target == target)
}
