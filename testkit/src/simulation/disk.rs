//! A device's disk: each batch is written whole or not at all, and a crash loses nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::{Persist, Row, Saved, SavedSpace, SpaceSource};
use tidegate_sync_core::manifest::{Change, Cid};
use tidegate_sync_core::state::{ChangeStore, Origins, Present};

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    saved: Saved,
    contents: BTreeMap<(Space, ContentHmac), Vec<u8>>,
}

impl Disk {
    /// Commits a batch.
    pub fn commit(&mut self, batch: &Persist) {
        self.saved.apply(&batch.rows);
        for row in &batch.rows {
            if let Row::PutContent { space, hmac, bytes } = row {
                self.contents.insert((*space, *hmac), bytes.clone());
            }
            if let Row::RemoveContent { space, hmac } = row {
                self.contents.remove(&(*space, *hmac));
            }
        }
    }

    /// All rows.
    #[must_use]
    pub const fn saved(&self) -> &Saved {
        &self.saved
    }

    /// All rows as a shell hands them over: changes and contents only when they are looked at.
    #[must_use]
    pub fn asleep(&self) -> (Saved, BTreeMap<Space, SpaceSource>) {
        let mut saved = self.saved.clone();
        let source = |(space, saved): (&Space, &mut SavedSpace)| {
            let (changes, contents) = (std::mem::take(&mut saved.changes), std::mem::take(&mut saved.contents));
            (*space, SpaceSource { changes: read_later(changes), contents: Box::new(move || Some(contents)) })
        };
        let sources = saved.spaces.iter_mut().map(source).collect();
        (saved, sources)
    }

    /// Where the changes of a space are read, as they are now.
    #[must_use]
    pub fn changes(&self, space: Space) -> Arc<dyn ChangeStore> {
        read_later(self.saved.spaces.get(&space).map(|saved| saved.changes.clone()).unwrap_or_default())
    }

    /// A content.
    #[must_use]
    pub fn content(&self, space: Space, hmac: ContentHmac) -> Option<&Vec<u8>> {
        self.contents.get(&(space, hmac))
    }
}

fn read_later(changes: BTreeMap<Cid, (Arc<Change>, Origins)>) -> Arc<dyn ChangeStore> {
    let rows: Vec<Present> = changes.into_values().map(|(change, brought_by)| Present { change, brought_by }).collect();
    Arc::new(rows)
}
