//! The changes present in a space, and what finds them: by id, by register, by what they supersede and relocate.

use std::collections::BTreeMap;

use super::merge::Present;
use super::origins::{Cids, Origins};
use crate::manifest::{Change, Cid, Op, Register, SegmentRef, Timestamp};

/// A space's changes with their indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Changes {
    /// Boxed: a B-tree moves its entries about, and keeps a third of its room free.
    by_cid: BTreeMap<Cid, Box<Present>>,
    superseders: BTreeMap<Cid, Cids>,
    registers: BTreeMap<Register, Cids>,
    relocations: BTreeMap<Cid, Cids>,
}

impl Changes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Present> {
        self.by_cid.values().map(AsRef::as_ref)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Present> {
        self.by_cid.values_mut().map(AsMut::as_mut)
    }

    pub(super) fn cids(&self) -> impl Iterator<Item = Cid> {
        self.by_cid.keys().copied()
    }

    pub(super) fn contains(&self, cid: Cid) -> bool {
        self.by_cid.contains_key(&cid)
    }

    pub(super) fn get(&self, cid: Cid) -> Option<&Present> {
        self.by_cid.get(&cid).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, cid: Cid) -> Option<&mut Present> {
        self.by_cid.get_mut(&cid).map(AsMut::as_mut)
    }

    /// The changes that supersede this one.
    pub(super) fn superseders(&self, cid: Cid) -> impl Iterator<Item = Cid> {
        self.superseders.get(&cid).into_iter().flatten().copied()
    }

    /// The relocations that name this one.
    pub(super) fn relocations(&self, cid: Cid) -> impl Iterator<Item = Cid> {
        self.relocations.get(&cid).into_iter().flatten().copied()
    }

    /// The changes of a register.
    pub(super) fn of_register(&self, register: &Register) -> impl Iterator<Item = Cid> {
        self.registers.get(register).into_iter().flatten().copied()
    }

    /// The registers in which something is present, in order.
    pub(super) fn registers(&self) -> impl Iterator<Item = &Register> {
        self.registers.keys()
    }

    /// Those of them from this one on.
    pub(super) fn registers_from(&self, first: Register) -> impl Iterator<Item = &Register> {
        self.registers.range(first..).map(|(register, _)| register)
    }

    /// Adds a change or, if it is there, the segments that brought it.
    pub(super) fn insert(&mut self, change: Change, brought_by: impl IntoIterator<Item = (SegmentRef, Option<Timestamp>)>) {
        let cid = change.cid;
        if let Some(present) = self.by_cid.get_mut(&cid) {
            if let Some(old) = add(present, change, brought_by) {
                let new = present.change.clone();
                self.unindex(&old);
                self.index(&new);
            }
            return;
        }
        self.index(&change);
        let brought_by: Origins = brought_by.into_iter().collect();
        self.by_cid.insert(cid, Box::new(Present { change, brought_by }));
    }

    /// Puts another content in the place of a change that is there.
    pub(super) fn replace(&mut self, change: Change) {
        let Some(present) = self.by_cid.get_mut(&change.cid) else { return };
        let old = std::mem::replace(&mut present.change, change);
        let new = present.change.clone();
        self.unindex(&old);
        self.index(&new);
    }

    /// Takes a change away.
    pub(super) fn remove(&mut self, cid: Cid) -> Option<Present> {
        let present = self.by_cid.remove(&cid)?;
        self.unindex(&present.change);
        Some(*present)
    }

    fn index(&mut self, change: &Change) {
        for superseded in &change.supersedes {
            self.superseders.entry(*superseded).or_default().insert(change.cid);
        }
        for relocated in &change.relocates {
            self.relocations.entry(*relocated).or_default().insert(change.cid);
        }
        if change.op != Op::Relocate {
            self.registers.entry(change.register()).or_default().insert(change.cid);
        }
    }

    fn unindex(&mut self, change: &Change) {
        for superseded in &change.supersedes {
            remove_from(&mut self.superseders, superseded, change.cid);
        }
        for relocated in &change.relocates {
            remove_from(&mut self.relocations, relocated, change.cid);
        }
        remove_from(&mut self.registers, &change.register(), change.cid);
    }
}

impl FromIterator<Present> for Changes {
    fn from_iter<I: IntoIterator<Item = Present>>(present: I) -> Self {
        let mut changes = Self::default();
        present.into_iter().for_each(|present| changes.insert(present.change, present.brought_by));
        changes
    }
}

/// Adds to a change the segments that brought it; the content that it had before, if it has another one now.
///
/// Should one cid come with two contents, the same one is taken everywhere: of a change sent again after a restore, both
/// copies are good, but devices that kept different ones would never agree.
fn add(
    present: &mut Present,
    change: Change,
    brought_by: impl IntoIterator<Item = (SegmentRef, Option<Timestamp>)>,
) -> Option<Change> {
    let unsent = present.brought_by.is_empty();
    for (segment, stored_at) in brought_by {
        present.brought_by.add(segment, stored_at);
    }
    let arrived = unsent && !present.brought_by.is_empty();
    let is_taken = arrived || (change != present.change && change.to_json() > present.change.to_json());
    is_taken.then(|| std::mem::replace(&mut present.change, change))
}

fn remove_from<K: Ord>(index: &mut BTreeMap<K, Cids>, key: &K, cid: Cid) {
    if let Some(cids) = index.get_mut(key) {
        cids.remove(cid);
        if cids.is_empty() {
            index.remove(key);
        }
    }
}
