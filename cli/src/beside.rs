//! A file that is written beside the one whose place it will take; where it has a name, a later run goes on with it.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that only its owner may read, as those of `tempfile`: it holds what is decrypted. Dropped, it is gone, unless it stays.
pub(crate) struct Beside {
    path: PathBuf,
    pub(crate) file: File,
    is_named: bool,
    stays: bool,
}

impl Beside {
    /// The file of this name in the folder, as an earlier run has left it, or a new one; one without a name where somebody else
    /// writes that file, or may have made it.
    pub(crate) fn open(folder: &Path, name: Option<&str>) -> io::Result<Self> {
        let named = name.map_or(Ok(None), |name| Self::named(folder, name))?;
        named.map_or_else(|| Self::unnamed(folder), Ok)
    }

    fn named(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let path = folder.join(format!(".tidegate-{name}.part"));
        let new = NamedTempFile::new_in(folder)?;
        let just_made = new.as_file().metadata()?;
        if !is_of_one(folder, &just_made) {
            return Ok(None);
        }
        let (file, is_new) = match new.persist_noclobber(&path) {
            Ok(file) => (Ok(file), true),
            Err(_) => (File::options().read(true).write(true).open(&path), false),
        };
        let Ok(file) = file else { return Ok(None) };
        // Locked before it is looked at: whoever had it may have given it its last name meanwhile.
        let is_locked = file.try_lock().is_ok();
        // Where there are no locks, a new one goes again.
        let mut beside = Self { path, file, is_named: true, stays: !is_new };
        if !is_locked || !beside.is_private(&just_made) {
            return Ok(None);
        }
        beside.stays = false;
        Ok(Some(beside))
    }

    fn unnamed(folder: &Path) -> io::Result<Self> {
        let (file, path) = NamedTempFile::new_in(folder)?.keep().map_err(|error| error.error)?;
        Ok(Self { path, file, is_named: false, stays: false })
    }

    /// Leaves it for a later run, if that would find it and there is something in it.
    pub(crate) fn leave(mut self) {
        self.stays = self.is_named && self.file.metadata().is_ok_and(|metadata| metadata.len() > 0);
    }

    /// Gives it its last name.
    pub(crate) fn rename(mut self, to: &Path) -> io::Result<()> {
        if !self.has_its_name() {
            let reason = format!("{} was taken away or replaced meanwhile", self.path.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, reason));
        }
        fs::rename(&self.path, to)?;
        self.stays = true;
        Ok(())
    }

    /// Whether it is no link to another file, and of the same owner and mode as one that was just made.
    #[cfg(unix)]
    fn is_private(&self, just_made: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(open) = self.file.metadata() else { return false };
        let is_ours = (open.uid(), open.mode()) == (just_made.uid(), just_made.mode());
        is_ours && open.is_file() && open.nlink() == 1 && self.has_its_name()
    }

    #[cfg(not(unix))]
    fn is_private(&self, _just_made: &Metadata) -> bool {
        self.has_its_name()
    }

    /// Whether the file of its name is still this one: it may have been removed, and made anew by another run.
    #[cfg(unix)]
    fn has_its_name(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let (Ok(open), Ok(named)) = (self.file.metadata(), fs::symlink_metadata(&self.path)) else { return false };
        (open.dev(), open.ino()) == (named.dev(), named.ino())
    }

    #[cfg(not(unix))]
    fn has_its_name(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|named| named.is_file())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.stays && self.has_its_name() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody else can put a file into the folder: one that they have open could get the name.
#[cfg(unix)]
fn is_of_one(folder: &Path, just_made: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS_WRITE: u32 = 0o022;
    const ROOT: u32 = 0;
    fs::metadata(folder).is_ok_and(|of| of.mode() & OTHERS_WRITE == 0 && (of.uid() == just_made.uid() || of.uid() == ROOT))
}

#[cfg(not(unix))]
fn is_of_one(_folder: &Path, _just_made: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn leave(folder: &Path, bytes: &[u8]) -> PathBuf {
        let mut beside = Beside::open(folder, Some("name")).unwrap();
        beside.file.write_all(bytes).unwrap();
        let path = beside.path.clone();
        beside.leave();
        path
    }

    fn found(folder: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        Beside::open(folder, Some("name")).unwrap().file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_stays_is_found_under_its_name_and_what_does_not_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        leave(folder.path(), b"begun");
        assert_eq!(found(folder.path()), b"begun");
        assert_eq!(found(folder.path()), b"", "it did not stay a second time");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_at_once_have_a_file_each() {
        let folder = tempfile::tempdir().unwrap();
        let first = Beside::open(folder.path(), Some("name")).unwrap();
        let mut second = Beside::open(folder.path(), Some("name")).unwrap();
        assert_ne!(first.path, second.path);
        second.file.write_all(b"begun").unwrap();
        second.leave();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nobody would find the one without a name");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_took_its_name_is_neither_renamed_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let opened = || {
            let mut beside = Beside::open(folder.path(), Some("name")).unwrap();
            beside.file.write_all(b"first").unwrap();
            fs::remove_file(&beside.path).unwrap();
            let path = leave(folder.path(), b"second");
            assert_eq!(path, beside.path);
            beside
        };
        let to = folder.path().join("to");
        assert_eq!(opened().rename(&to).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!to.exists());
        drop(opened());
        assert_eq!(found(folder.path()), b"second");
    }

    #[cfg(unix)]
    #[test]
    fn where_others_can_write_nothing_is_gone_on_with() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let mut beside = Beside::open(folder.path(), Some("name")).unwrap();
        beside.file.write_all(b"begun").unwrap();
        beside.leave();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_somebody_else_may_have_made_is_not_written_to() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = leave(folder.path(), b"begun");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(found(folder.path()), b"", "others can read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, folder.path().join("second name")).unwrap();
        assert_eq!(found(folder.path()), b"", "it has another name");
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        fs::remove_file(folder.path().join("second name")).unwrap();
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        assert_eq!(found(folder.path()), b"", "it is a link");
        symlink(folder.path().join("nowhere"), folder.path().join("dangling")).unwrap();
        fs::rename(folder.path().join("dangling"), &path).unwrap();
        assert_eq!(found(folder.path()), b"");
        assert!(!folder.path().join("nowhere").exists(), "nothing is made where a link points");
        assert_eq!(fs::read(folder.path().join("elsewhere")).unwrap(), b"begun");
    }
}
