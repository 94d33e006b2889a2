//! What stays in the store: of a long history most changes are superseded, and compete for nothing.
//!
//! In memory are the changes that may compete, and of all others who they are and what brought them. So an edit is made, sent
//! or taken in without a look at what went before it. Whoever asks for one of the others gets them all: no rule can be wrong
//! for want of some.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::changes::Changes;
use super::merge::Present;
use super::origins::Origins;
use crate::manifest::{Change, Cid, Op};

/// Where the changes of a space are kept.
///
/// What it gives must be what the rows said when the engine was given it: of changes that were not read, the engine has
/// written none.
pub trait ChangeStore: Send + Sync {
    /// Tells of each change; whether it could.
    fn outlines(&self, take: &mut dyn FnMut(Outline)) -> bool;

    /// Gives the changes at these places, leaving out what is there no longer; whether it could.
    fn read(&self, places: &[i64], take: &mut dyn FnMut(Present)) -> bool;
}

/// What a store tells of a change without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Where the store finds it: a number of the store's own choice.
    pub place: i64,
    /// The change.
    pub cid: Cid,
    /// The segments that brought it; none while it waits in the outbox.
    pub brought_by: Origins,
    /// The changes that it supersedes; `None` where the store has not noted that: then all changes are read.
    pub supersedes: Option<Vec<Cid>>,
    /// Whether it is a relocation.
    pub is_relocation: bool,
}

impl Outline {
    /// The outline of a change at a place.
    #[must_use]
    pub fn of(place: i64, present: &Present) -> Self {
        let Present { change, brought_by } = present;
        let supersedes = Some(change.supersedes.clone());
        let is_relocation = change.op == Op::Relocate;
        Self { place, cid: change.cid, brought_by: brought_by.clone(), supersedes, is_relocation }
    }
}

/// A store that holds everything in memory.
impl ChangeStore for Vec<Present> {
    fn outlines(&self, take: &mut dyn FnMut(Outline)) -> bool {
        (0..).zip(self).for_each(|(place, present)| take(Outline::of(place, present)));
        true
    }

    fn read(&self, places: &[i64], take: &mut dyn FnMut(Present)) -> bool {
        let at = |place: &i64| usize::try_from(*place).ok().and_then(|index| self.get(index));
        places.iter().filter_map(at).cloned().for_each(take);
        true
    }
}

/// The changes of a space: those in memory, and those that are not.
#[derive(Debug, Default)]
pub(super) struct Held {
    changes: Changes,
    past: Past,
    has_failed: AtomicBool,
}

/// The changes that were not read.
#[derive(Default)]
struct Past {
    /// In the order of their ids.
    entries: Vec<Entry>,
    /// What is superseded and none of them: absent, or in memory all the same. In order.
    named: Vec<Cid>,
    store: Option<Arc<dyn ChangeStore>>,
    /// Everything, once somebody has asked for one of them.
    all: OnceLock<Changes>,
}

struct Entry {
    cid: Cid,
    place: i64,
    brought_by: Origins,
}

impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes not read", self.entries.len())
    }
}

impl Past {
    fn find(&self, cid: Cid) -> Option<&Entry> {
        self.entries.binary_search_by_key(&cid, |entry| entry.cid).ok().map(|index| &self.entries[index])
    }

    /// Whether a change that is not in memory may supersede this one, or be it.
    fn concerns(&self, cid: Cid) -> bool {
        self.find(cid).is_some() || self.named.binary_search(&cid).is_ok()
    }
}

impl Held {
    /// Reads from a store the changes that may compete; `None` where it cannot.
    ///
    /// Edits that another process has committed meanwhile are left out: like an edit on another device
    /// they are none of the outbox that this engine sends, and it begins again from the rows before anything is decided on them.
    pub(super) fn from_store(store: &Arc<dyn ChangeStore>, outbox: &BTreeSet<Cid>) -> Option<Self> {
        let (mut entries, mut relocations) = (Vec::new(), BTreeSet::new());
        let (mut superseded, mut is_noted) = (Vec::new(), true);
        let told = store.outlines(&mut |outline| {
            let Outline { place, cid, brought_by, supersedes, is_relocation } = outline;
            if brought_by.is_empty() && !outbox.contains(&cid) {
                return;
            }
            match supersedes {
                // Until everybody has it, what an unsent edit supersedes is a head for all others.
                Some(supersedes) if !brought_by.is_empty() => superseded.extend(supersedes),
                Some(_) => {}
                None => is_noted = false,
            }
            if is_relocation {
                relocations.insert(cid);
            }
            entries.push(Entry { cid, place, brought_by });
        });
        if !told {
            return None;
        }
        superseded.sort_unstable();
        superseded.dedup();
        // Relocations compete for nothing and say where contents lie: each is needed as soon as its content is.
        let is_past = |entry: &Entry| {
            let is_superseded = superseded.binary_search(&entry.cid).is_ok();
            is_noted && is_superseded && !entry.brought_by.is_empty() && !relocations.contains(&entry.cid)
        };
        let (mut past, near): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_past);
        past.sort_unstable_by_key(|entry| entry.cid);
        past.shrink_to_fit();
        superseded.retain(|cid| past.binary_search_by_key(cid, |entry| entry.cid).is_err());
        superseded.shrink_to_fit();
        let mut changes = Changes::default();
        let is_read = read_into(&mut changes, &**store, near);
        let past = Past { entries: past, named: superseded, store: Some(Arc::clone(store)), all: OnceLock::new() };
        is_read.then_some(Self { changes, past, has_failed: AtomicBool::new(false) })
    }

    /// The changes that may compete: all that a sent one does not supersede, all that wait to be sent, and all relocations.
    pub(super) const fn near(&self) -> &Changes {
        &self.changes
    }

    /// All changes, read now if they were not before.
    pub(super) fn all(&self) -> &Changes {
        if self.past.entries.is_empty() {
            return &self.changes;
        }
        self.past.all.get_or_init(|| {
            let mut all = self.changes.clone();
            if !self.read_past(&mut all) {
                self.has_failed.store(true, Ordering::Release);
            }
            all
        })
    }

    /// The same, to be altered.
    pub(super) fn all_mut(&mut self) -> &mut Changes {
        if !self.past.entries.is_empty() {
            let mut all = self.past.all.take();
            match &mut all {
                Some(all) => std::mem::swap(&mut self.changes, all),
                None => self.bring_in(),
            }
        }
        self.past = Past::default();
        &mut self.changes
    }

    fn bring_in(&mut self) {
        let mut changes = std::mem::take(&mut self.changes);
        if !self.read_past(&mut changes) {
            self.has_failed.store(true, Ordering::Release);
        }
        self.changes = changes;
    }

    fn read_past(&self, changes: &mut Changes) -> bool {
        let places = self.past.entries.iter().map(|entry| entry.place).collect();
        self.past.store.as_ref().is_some_and(|store| read_places(changes, &**store, places))
    }

    /// What has to be in memory before these changes come, go, or become others: all of it, where one of them is a change that
    /// was not read, or one that such a change may supersede or be superseded by.
    pub(super) fn mut_for<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>) -> &mut Changes {
        let is_past = |cid: &Cid| self.past.find(*cid).is_some();
        let uncovers = |change: &Change| {
            let before = self.changes.get(change.cid).map(|present| &present.change.supersedes);
            before.is_some_and(|before| *before != change.supersedes && before.iter().any(is_past))
        };
        if changes.into_iter().any(|change| self.past.concerns(change.cid) || uncovers(change)) {
            return self.all_mut();
        }
        self.in_memory_mut()
    }

    /// The same before a change goes: what it alone has superseded competes again.
    pub(super) fn mut_without(&mut self, cid: Cid) -> &mut Changes {
        let superseded = self.changes.get(cid).map_or(&[][..], |present| &present.change.supersedes);
        if self.past.concerns(cid) || superseded.iter().any(|older| self.past.find(*older).is_some()) {
            return self.all_mut();
        }
        self.in_memory_mut()
    }

    /// Where somebody has asked for all of them meanwhile, all stay: read again and again they would cost the most.
    fn in_memory_mut(&mut self) -> &mut Changes {
        if self.past.all.get().is_some() { self.all_mut() } else { &mut self.changes }
    }

    pub(super) fn contains(&self, cid: Cid) -> bool {
        self.changes.contains(cid) || self.past.find(cid).is_some()
    }

    pub(super) fn get(&self, cid: Cid) -> Option<&Present> {
        let near = self.changes.get(cid);
        near.or_else(|| self.past.find(cid).and_then(|_| self.all().get(cid)))
    }

    pub(super) fn count(&self) -> usize {
        self.changes.count() + self.past.entries.len()
    }

    /// What brought each of the changes.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origins> {
        let past = self.past.entries.iter().map(|entry| &entry.brought_by);
        self.changes.iter().map(|present| &present.brought_by).chain(past)
    }

    /// Whether a present change supersedes this one.
    pub(super) fn is_superseded(&self, cid: Cid) -> bool {
        self.past.find(cid).is_some() || self.superseders(cid).next().is_some()
    }

    /// The present changes that supersede this one.
    pub(super) fn superseders(&self, cid: Cid) -> impl Iterator<Item = &Present> {
        let changes = if self.past.concerns(cid) { self.all() } else { &self.changes };
        changes.superseders(cid).filter_map(|by| changes.get(by))
    }

    /// Whether some could not be read.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self { changes: self.all().clone(), past: Past::default(), has_failed: self.has_failed().into() }
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

fn read_into(changes: &mut Changes, store: &dyn ChangeStore, entries: Vec<Entry>) -> bool {
    read_places(changes, store, entries.into_iter().map(|entry| entry.place).collect())
}

/// Reads in the order of the places: that is how they lie in the store.
fn read_places(changes: &mut Changes, store: &dyn ChangeStore, mut places: Vec<i64>) -> bool {
    places.sort_unstable();
    store.read(&places, &mut |present| changes.insert(present.change, present.brought_by))
}
