//! Bodies as files: written under `tmp/`, synced, then renamed into `bodies/`.
//!
//! A body file is immutable and belongs to at most one row of the index: an object, a piece of an object or a part of an upload. A file without a row is an orphan of a crash and goes at the
//! next start; a row never exists without its file, since the row is committed after the file and its directory are on the disk.

mod digest;
mod hold;
mod staging;
mod stretch;
mod sweep;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use digest::{BodyDigests, Digester, WantedDigests};
pub(crate) use hold::Hold;
pub(crate) use staging::{LARGEST_SMALL, NewBody, StagedBody, TempBody};
pub(crate) use stretch::{PIECE, Stretch};

/// Ids that share a directory. Neighbours in time share one, so that a batch of commits syncs one directory.
const IDS_PER_DIRECTORY: u64 = 4096;

/// Names one body file for the life of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BodyId(pub(crate) u64);

impl BodyId {
    const fn directory(self) -> u64 {
        self.0 / IDS_PER_DIRECTORY
    }

    fn file_name(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// The files of a store.
#[derive(Debug)]
pub(crate) struct BodyStore {
    temporary: PathBuf,
    bodies: PathBuf,
    next: AtomicU64,
    /// Directories known to be on the disk.
    directories: Mutex<HashSet<u64>>,
    holds: hold::Holds,
}

impl BodyStore {
    /// Makes the directories that every store has.
    pub(crate) fn create(data_dir: &Path) -> io::Result<Self> {
        let temporary = data_dir.join("tmp");
        let bodies = data_dir.join("bodies");
        fs::create_dir_all(&temporary)?;
        fs::create_dir_all(&bodies)?;
        sync_directory(data_dir)?;
        Ok(Self { temporary, bodies, next: AtomicU64::new(1), directories: Mutex::default(), holds: hold::Holds::default() })
    }

    /// Opens a body for reading; the file stays readable after the body is replaced.
    pub(crate) fn open(&self, id: BodyId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// The bytes of a body, without opening it.
    pub(crate) fn size(&self, id: BodyId) -> io::Result<u64> {
        fs::metadata(self.path(id)).map(|metadata| metadata.len())
    }

    /// Removes a body that nothing names any more, at once or when its last reader is done.
    pub(crate) fn remove(&self, id: BodyId) {
        if !self.holds.doom(id) {
            remove_file(&self.path(id));
        }
    }

    fn path(&self, id: BodyId) -> PathBuf {
        self.directory_of(id).join(id.file_name())
    }

    fn directory_of(&self, id: BodyId) -> PathBuf {
        self.bodies.join(format!("{:013x}", id.directory()))
    }

    fn take_id(&self) -> BodyId {
        BodyId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the directory of `id` and brings its name to the disk, once.
    fn ensure_directory(&self, id: BodyId) -> io::Result<()> {
        let mut known = self.directories.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.contains(&id.directory()) {
            return Ok(());
        }
        fs::create_dir_all(self.directory_of(id))?;
        sync_directory(&self.bodies)?;
        known.insert(id.directory());
        Ok(())
    }
}

/// Brings the names in a directory to the disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file that nothing refers to; what stays is swept at the next start.
fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a body that nothing refers to could not be removed");
    }
}
