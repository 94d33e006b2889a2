//! The folder of the home in which attachments lie, each sealed exactly as it is, or will be, in the store.
//!
//! A file gets its name only once it is whole and on the disk, and the database learns of it after that. So a name without a row
//! is an orphan of a crash, and a row without a file is damage.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tidegate_protocol::{ContentHmac, Digest};
use tidegate_sync_core::envelope::{HEADER_BYTES, Header};

use crate::error::Error;
use crate::home::{Home, create_private_folder, private_file, sync_folder};

const FOLDER: &str = "attachments";
/// Beside the folder: says that something was written there since it was swept.
const MARK: &str = "attachments.unswept";
/// What is being written has this ending, and a lock for as long as somebody writes it.
const TEMPORARY: &str = "new";
/// What was fetched in part has this one.
const PARTIAL: &str = "part";
/// How old an unlocked temporary file is before it counts as left behind: a new one has no lock for a moment.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
/// How long a part that was fetched waits for the rest.
const PARTIAL_KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    /// There for as long as the folder may hold what a crash has left.
    mark: PathBuf,
}

/// An attachment on the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) hmac: ContentHmac,
    pub(crate) length: u64,
    pub(crate) used_at: SystemTime,
}

impl Folder {
    pub(crate) fn of(home: &Home) -> Self {
        Self { path: home.path().join(FOLDER), mark: home.path().join(MARK) }
    }

    /// The file of an attachment, whether it is there or not.
    pub(crate) fn path_of(&self, hmac: ContentHmac) -> PathBuf {
        self.path.join(hmac.to_string())
    }

    /// Length of an attachment's file in bytes; `None` if it is not there.
    pub(crate) fn length_of(&self, hmac: ContentHmac) -> Option<u64> {
        fs::metadata(self.path_of(hmac)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    /// The readable part of an attachment's file.
    pub(crate) fn header_of(&self, hmac: ContentHmac) -> Option<Header> {
        let mut head = [0; HEADER_BYTES];
        File::open(self.path_of(hmac)).and_then(|mut file| file.read_exact(&mut head)).ok()?;
        Header::parse(&head).ok()
    }

    /// A file to write, private and locked; it goes away again unless it is given a name.
    pub(crate) fn temporary(&self) -> Result<Temporary, Error> {
        create_private_folder(&self.path).map_err(|error| Error::writing(&self.path, error))?;
        let path = self.path.join(format!("{}.{TEMPORARY}", crate::random::token()));
        let file = private_file(&path).map_err(|error| Error::writing(&path, error))?;
        file.lock().map_err(|error| Error::writing(&path, error))?;
        self.mark()?;
        Ok(Temporary { path, file: Some(file), keeps: false })
    }

    /// Whether the folder may hold what a crash has left.
    pub(crate) fn is_marked(&self) -> bool {
        self.mark.exists()
    }

    /// Says that it may. Called once there is a file without a name: a sweep that does not see that file has taken the mark away before.
    fn mark(&self) -> Result<(), Error> {
        match private_file(&self.mark) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists) => Err(Error::writing(&self.mark, error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// What was fetched so far of an object, locked; a file of its own where another process is fetching it.
    pub(crate) fn partial(&self, hmac: ContentHmac, digest: Digest) -> Result<Temporary, Error> {
        create_private_folder(&self.path).map_err(|error| Error::writing(&self.path, error))?;
        let path = self.path.join(format!("{hmac}-{digest}.{PARTIAL}"));
        let writing = |error: io::Error| Error::writing(&path, error);
        let opened = match private_file(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists) => {
                File::options().read(true).write(true).open(&path)
            }
            opened => opened,
        };
        let file = opened.map_err(writing)?;
        self.mark()?;
        match file.try_lock() {
            // Whoever had it may have given it its name meanwhile; then this is that file, and not to be written to.
            Ok(()) if is_at(&file, &path) => Ok(Temporary { path, file: Some(file), keeps: true }),
            Ok(()) | Err(TryLockError::WouldBlock) => self.temporary(),
            Err(TryLockError::Error(error)) => Err(writing(error)),
        }
    }

    /// Takes an attachment's file away.
    pub(crate) fn remove(&self, hmac: ContentHmac) -> Result<(), Error> {
        let path = self.path_of(hmac);
        match fs::remove_file(&path) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound) => Err(Error::writing(&path, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes note that an attachment was used, for the cache.
    pub(crate) fn touch(&self, hmac: ContentHmac) {
        // Without it the file merely counts as used earlier.
        let _ = File::options().append(true).open(self.path_of(hmac)).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// The attachments whose files are here, those used longest ago first.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let kept = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let hmac = entry.file_name().to_str()?.parse().ok()?;
            let metadata = entry.metadata().ok()?;
            Some(Kept { hmac, length: metadata.len(), used_at: metadata.modified().ok()? })
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_by_key(|kept| (kept.used_at, kept.hmac));
        kept
    }

    /// Takes away what crashes have left: files that the database does not know, and what nobody writes any more. The caller
    /// holds the home's lock, so that no file is between its name and its row.
    pub(crate) fn sweep(&self, known: &BTreeSet<ContentHmac>) {
        let _ = fs::remove_file(&self.mark);
        let mut is_clean = true;
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let path = entry.path();
            let is_unnamed = path.extension().is_some();
            let is_left = match path.extension().and_then(|ending| ending.to_str()) {
                Some(TEMPORARY) => is_abandoned(&path, LEFT_BEHIND),
                Some(PARTIAL) => is_abandoned(&path, PARTIAL_KEPT),
                Some(_) => false,
                None => name.parse::<ContentHmac>().is_ok_and(|hmac| !known.contains(&hmac)),
            };
            let removed = if is_left { fs::remove_file(&path) } else { Ok(()) };
            if let Err(error) = &removed {
                tracing::debug!(%error, "a file that was left behind could not be removed");
            }
            is_clean &= removed.is_ok() && (is_left || !is_unnamed);
        }
        if !is_clean && let Err(error) = self.mark() {
            tracing::debug!(code = error.code(), "the attachments could not be marked as unswept");
        }
    }
}

fn is_abandoned(path: &Path, after: Duration) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= after));
    is_old && file.try_lock().is_ok()
}

/// Whether the file that is open is still the one of this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    file: Option<File>,
    /// It stays where it is when it is dropped, for whoever goes on with it.
    keeps: bool,
}

impl Temporary {
    pub(crate) const fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    pub(crate) fn writing(&self, error: io::Error) -> Error {
        Error::writing(&self.path, error)
    }

    /// Gives it the name of an attachment. Its bytes have to be on the disk already.
    pub(crate) fn place(mut self, path: &Path) -> Result<File, Error> {
        fs::rename(&self.path, path).and_then(|()| sync_folder(path)).map_err(|error| Error::writing(path, error))?;
        self.keeps = true;
        self.file.take().ok_or_else(|| Error::bug("a file was placed twice"))
    }

    /// It is not to be gone on with.
    pub(crate) fn discard(mut self) {
        self.keeps = false;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keeps {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::of(&Home::new(home.path()));
        (home, folder)
    }

    fn place(folder: &Folder, byte: u8) -> ContentHmac {
        let hmac = ContentHmac::from_bytes([byte; 32]);
        let temporary = folder.temporary().unwrap();
        temporary.file().unwrap().write_all(&[byte; 10]).unwrap();
        temporary.place(&folder.path_of(hmac)).unwrap();
        hmac
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&folder.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_sweep_takes_orphans_and_leaves_what_is_known_or_being_written() {
        let (_home, folder) = folder();
        let (known, orphan) = (place(&folder, 1), place(&folder, 2));
        let writing = folder.temporary().unwrap();
        let old = SystemTime::now() - Duration::from_secs(30 * 24 * 60 * 60);
        writing.file().unwrap().set_modified(old).unwrap();
        let left = folder.path.join("left.new");
        File::create(&left).unwrap().set_modified(old).unwrap();
        let fetched = folder.partial(known, Digest::from_bytes([1; 16])).unwrap();
        let fetched_name = fetched.path.clone();
        drop(fetched);
        folder.sweep(&BTreeSet::from([known]));
        let mut expected = [folder.path_of(known), fetched_name, writing.path.clone()]
            .map(|path| Path::new(&path).file_name().unwrap().to_str().unwrap().to_owned());
        expected.sort();
        assert_eq!(names(&folder), expected);
        assert!(folder.length_of(orphan).is_none());
        assert_eq!(folder.length_of(known), Some(10));
        assert!(folder.is_marked(), "there is still something to sweep");
    }

    #[test]
    fn a_folder_without_anything_in_progress_is_swept_once() {
        let (_home, folder) = folder();
        assert!(!folder.is_marked());
        let known = place(&folder, 1);
        assert!(folder.is_marked());
        folder.sweep(&BTreeSet::from([known]));
        assert!(!folder.is_marked());
        drop(folder.temporary().unwrap());
        assert!(folder.is_marked());
    }

    #[test]
    fn what_is_fetched_twice_at_once_has_two_files() {
        let (_home, folder) = folder();
        let (hmac, digest) = (ContentHmac::from_bytes([1; 32]), Digest::from_bytes([2; 16]));
        let first = folder.partial(hmac, digest).unwrap();
        let second = folder.partial(hmac, digest).unwrap();
        assert_ne!(first.path, second.path);
        let path = first.path.clone();
        drop(first);
        assert_eq!(folder.partial(hmac, digest).unwrap().path, path);
    }
}
