//! Files that stay while they are read, even where nothing names them any more.
//!
//! An open file stays readable after it is removed, but an object in parts is read file after file: without a hold, whoever overwrites
//! or deletes it would cut off those who are reading it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{BodyId, BodyStore, remove_file};

/// Who reads what.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<BodyId, Held>>);

#[derive(Debug, Default)]
struct Held {
    readers: usize,
    /// Nothing names it any more: the last reader removes it.
    doomed: bool,
}

impl Holds {
    /// Marks a body for removal by its last reader; `false` if nobody reads it.
    pub(super) fn doom(&self, id: BodyId) -> bool {
        match self.lock().get_mut(&id) {
            Some(held) => {
                held.doomed = true;
                true
            }
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BodyId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the files of these bodies until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    store: Arc<BodyStore>,
    ids: Vec<BodyId>,
}

impl Hold {
    /// Holds files that are still there; whether they are is looked at afterwards.
    pub(crate) fn new(store: Arc<BodyStore>, ids: Vec<BodyId>) -> Self {
        let mut held = store.holds.lock();
        for id in &ids {
            held.entry(*id).or_default().readers += 1;
        }
        drop(held);
        Self { store, ids }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut doomed = Vec::new();
        let mut held = self.store.holds.lock();
        for id in &self.ids {
            let Entry::Occupied(mut entry) = held.entry(*id) else { continue };
            entry.get_mut().readers -= 1;
            if entry.get().readers == 0 && entry.remove().doomed {
                doomed.push(*id);
            }
        }
        drop(held);
        doomed.into_iter().for_each(|id| remove_file(&self.store.path(id)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::TempBody;
    use super::*;

    #[test]
    fn a_removed_body_stays_until_its_last_reader_is_done() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let body = TempBody::create(Arc::clone(&store)).unwrap().stage().unwrap();
        let id = body.id();
        body.keep();
        let one = Hold::new(Arc::clone(&store), vec![id]);
        let other = Hold::new(Arc::clone(&store), vec![id]);
        store.remove(id);
        drop(one);
        assert!(store.open(id).is_ok());
        drop(other);
        assert!(store.open(id).is_err());
    }

    #[test]
    fn a_hold_on_a_body_that_stays_removes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(BodyStore::create(home.path()).unwrap());
        let body = TempBody::create(Arc::clone(&store)).unwrap().stage().unwrap();
        let id = body.id();
        body.keep();
        drop(Hold::new(Arc::clone(&store), vec![id]));
        assert!(store.open(id).is_ok());
        store.remove(id);
        assert!(store.open(id).is_err());
    }
}
