//! A body on its way in: a temporary file, then a staged one that waits for its commit.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::{BodyId, BodyStore, remove_file};

/// A body being written under `tmp/`; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct TempBody {
    store: Arc<BodyStore>,
    id: BodyId,
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl TempBody {
    pub(crate) fn create(store: Arc<BodyStore>) -> io::Result<Self> {
        let id = store.take_id();
        let path = store.temporary.join(id.file_name());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { store, id, path, file, renamed: false })
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Brings the bytes to the disk and moves the file to where a commit can name it.
    ///
    /// The new name itself is brought to the disk by the commit, once for a whole batch.
    pub(crate) fn stage(mut self) -> io::Result<StagedBody> {
        self.file.sync_all()?;
        self.store.ensure_directory(self.id)?;
        let path = self.store.path(self.id);
        fs::rename(&self.path, &path)?;
        self.renamed = true;
        Ok(StagedBody { store: Arc::clone(&self.store), id: self.id, keep: false })
    }
}

impl Drop for TempBody {
    fn drop(&mut self) {
        if !self.renamed {
            remove_file(&self.path);
        }
    }
}

/// Bodies up to this many bytes lie in the index: one sync brings a whole batch of them to the disk with their rows, where each file
/// takes one of its own and its directory another.
pub(crate) const LARGEST_SMALL: usize = 64 * 1024;

/// A whole body that no row names yet.
#[derive(Debug)]
pub(crate) enum NewBody {
    /// Comes to the disk with its row.
    Small(BodyId, Vec<u8>),
    /// On the disk already.
    File(StagedBody),
}

impl NewBody {
    /// A body of these bytes. Blocks, unless they are few enough to lie in the index.
    pub(crate) fn of(store: &Arc<BodyStore>, bytes: Vec<u8>) -> io::Result<Self> {
        if bytes.len() <= LARGEST_SMALL {
            return Ok(Self::Small(store.take_id(), bytes));
        }
        let mut file = TempBody::create(Arc::clone(store))?;
        file.write(&bytes)?;
        file.stage().map(Self::File)
    }

    pub(crate) const fn id(&self) -> BodyId {
        match self {
            Self::Small(id, _) => *id,
            Self::File(body) => body.id(),
        }
    }
}

/// A whole and synced body that no row names yet; dropping it removes the file unless it was kept.
#[derive(Debug)]
pub(crate) struct StagedBody {
    store: Arc<BodyStore>,
    id: BodyId,
    keep: bool,
}

impl StagedBody {
    pub(crate) const fn id(&self) -> BodyId {
        self.id
    }

    /// Directory whose names must be on the disk before a row may name this body.
    pub(crate) fn directory(&self) -> PathBuf {
        self.store.directory_of(self.id)
    }

    /// Leaves the file where it is, because a row names it or may name it.
    pub(crate) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for StagedBody {
    fn drop(&mut self) {
        if !self.keep {
            remove_file(&self.store.path(self.id));
        }
    }
}
