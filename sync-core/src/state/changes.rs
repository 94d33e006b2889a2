//! The changes present in a space, and what finds them: by id, by register, by what they supersede and relocate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_protocol::ObjectKey;

use super::merge::Present;
use super::origins::{Cids, Origins};
use crate::manifest::{Change, Cid, Location, Op, Register};

/// A space's changes with their indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    by_cid: BTreeMap<Cid, Present>,
    superseders: BTreeMap<Cid, Cids>,
    registers: BTreeMap<Register, Cids>,
    relocations: BTreeMap<Cid, Cids>,
    /// The packs in which contents lie, one copy of each name for all of them.
    packs: BTreeSet<Arc<ObjectKey>>,
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        // The rest follows from them.
        self.by_cid == other.by_cid
    }
}

impl Changes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Present> {
        self.by_cid.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Present> {
        self.by_cid.values_mut()
    }

    pub(super) fn count(&self) -> usize {
        self.by_cid.len()
    }

    pub(super) fn cids(&self) -> impl Iterator<Item = Cid> {
        self.by_cid.keys().copied()
    }

    pub(super) fn contains(&self, cid: Cid) -> bool {
        self.by_cid.contains_key(&cid)
    }

    pub(super) fn get(&self, cid: Cid) -> Option<&Present> {
        self.by_cid.get(&cid)
    }

    pub(super) fn get_mut(&mut self, cid: Cid) -> Option<&mut Present> {
        self.by_cid.get_mut(&cid)
    }

    /// The changes that supersede this one.
    pub(super) fn superseders(&self, cid: Cid) -> impl Iterator<Item = Cid> {
        self.superseders.get(&cid).into_iter().flat_map(Cids::as_slice).copied()
    }

    /// The relocations that name this one.
    pub(super) fn relocations(&self, cid: Cid) -> impl Iterator<Item = Cid> {
        self.relocations.get(&cid).into_iter().flat_map(Cids::as_slice).copied()
    }

    /// The changes of a register.
    pub(super) fn of_register(&self, register: &Register) -> impl Iterator<Item = Cid> {
        self.registers.get(register).into_iter().flat_map(Cids::as_slice).copied()
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
    pub(super) fn insert(&mut self, mut change: Arc<Change>, brought_by: Origins) {
        let cid = change.cid;
        if let Some(present) = self.by_cid.get_mut(&cid) {
            if let Some(old) = add(present, change, brought_by) {
                let new = Arc::clone(&present.change);
                self.unindex(&old);
                self.index(&new);
            }
            return;
        }
        // What others hold already is shared as it is.
        if let Some(change) = Arc::get_mut(&mut change) {
            self.share(change);
        }
        self.index(&change);
        self.by_cid.insert(cid, Present { change, brought_by });
    }

    /// Puts another content in the place of a change that is there.
    pub(super) fn replace(&mut self, change: Arc<Change>) {
        let Some(present) = self.by_cid.get_mut(&change.cid) else { return };
        let old = std::mem::replace(&mut present.change, change);
        let new = Arc::clone(&present.change);
        self.unindex(&old);
        self.index(&new);
    }

    /// Takes a change away.
    pub(super) fn remove(&mut self, cid: Cid) -> Option<Present> {
        let present = self.by_cid.remove(&cid)?;
        self.unindex(&present.change);
        Some(present)
    }

    /// Lets a change share what another one has as well: the description with one of its register, the name of its pack with
    /// all that lie there. Of a long history that is half of the memory.
    fn share(&mut self, change: &mut Change) {
        if let Some(Location::Pack(place)) = &mut change.location {
            match self.packs.get(&place.pack) {
                Some(known) => place.pack = Arc::clone(known),
                None => drop(self.packs.insert(Arc::clone(&place.pack))),
            }
        }
        let others = self.registers.get(&change.register()).map_or(&[][..], Cids::as_slice);
        let other = others.last().and_then(|other| self.by_cid.get(other));
        if let Some(other) = other.filter(|other| other.change.meta == change.meta) {
            change.meta = Arc::clone(&other.change.meta);
        }
    }

    fn index(&mut self, change: &Change) {
        for superseded in &change.supersedes {
            add_to(&mut self.superseders, *superseded, change.cid);
        }
        for relocated in &change.relocates {
            add_to(&mut self.relocations, *relocated, change.cid);
        }
        if change.op != Op::Relocate {
            add_to(&mut self.registers, change.register(), change.cid);
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

/// Adds to a change the segments that brought it; the content that it had before, if it has another one now.
///
/// Should one cid come with two contents, the same one is taken everywhere: of a change sent again after a restore, both
/// copies are good, but devices that kept different ones would never agree.
fn add(present: &mut Present, change: Arc<Change>, brought_by: Origins) -> Option<Arc<Change>> {
    let unsent = present.brought_by.is_empty();
    for (segment, stored_at) in brought_by {
        present.brought_by.add(segment, stored_at);
    }
    let arrived = unsent && !present.brought_by.is_empty();
    let is_taken = arrived || (change != present.change && change.to_json() > present.change.to_json());
    is_taken.then(|| std::mem::replace(&mut present.change, change))
}

fn add_to<K: Ord>(index: &mut BTreeMap<K, Cids>, key: K, cid: Cid) {
    index.entry(key).and_modify(|cids| cids.insert(cid)).or_insert(Cids::One(cid));
}

fn remove_from<K: Ord>(index: &mut BTreeMap<K, Cids>, key: &K, cid: Cid) {
    if index.get_mut(key).is_some_and(|cids| cids.remove(cid)) {
        index.remove(key);
    }
}
