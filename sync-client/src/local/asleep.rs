//! Changes and contents of a space, read when the engine first looks at them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::{Source, SpaceSource};
use tidegate_sync_core::state::{ChangeStore, Outline, Present};

use super::changes;
use super::load::{self, LoadError};
use super::sealing::Sealing;

/// What readers of one database share.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    /// The one connection: what is read later is of the same file.
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) sealing: Arc<Sealing>,
    /// Why something could not be read, until somebody asks.
    pub(super) failure: Arc<Mutex<Option<LoadError>>>,
}

impl Shelf {
    /// What of a space is read later.
    pub(super) fn source(&self, space: Space) -> SpaceSource {
        let shelf = self.clone();
        let contents: Source<BTreeSet<ContentHmac>> = Box::new(move || shelf.read(|db, _| load::contents(db, space)));
        SpaceSource { changes: self.changes(space), contents }
    }

    /// Where its changes are read.
    pub(super) fn changes(&self, space: Space) -> Arc<dyn ChangeStore> {
        Arc::new(SpaceChanges { shelf: self.clone(), space })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection, &Sealing) -> Result<T, LoadError>) -> Option<T> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read(&connection, &self.sealing);
        read.map_err(|error| *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error)).ok()
    }

    /// Why something could not be read, said once.
    pub(super) fn take_failure(&self) -> Option<LoadError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The changes of one space.
struct SpaceChanges {
    shelf: Shelf,
    space: Space,
}

impl ChangeStore for SpaceChanges {
    fn outlines(&self, take: &mut dyn FnMut(Outline)) -> bool {
        self.shelf.read(|db, _| changes::outlines(db, self.space, take)).is_some()
    }

    fn read(&self, places: &[i64], take: &mut dyn FnMut(Present)) -> bool {
        self.shelf.read(|db, sealing| changes::read(db, sealing, self.space, places, take)).is_some()
    }
}
