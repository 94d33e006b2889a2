//! A file that is written beside the one whose place it will take; where it has a name, a later run goes on with it.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that only its owner may read, as those of `tempfile`: it holds what is decrypted. Dropped, it is gone, unless it stays.
pub(crate) struct Beside {
    path: PathBuf,
    pub(crate) file: File,
    pub(crate) stays: bool,
}

impl Beside {
    /// The file of this name in the folder, as an earlier run has left it, or a new one; one without a name where somebody else
    /// writes that file, or may have made it.
    pub(crate) fn open(folder: &Path, name: Option<&str>) -> io::Result<Self> {
        let unnamed = NamedTempFile::new_in(folder)?;
        let ours = unnamed.as_file().metadata()?;
        let Some(name) = name else { return Self::unnamed(unnamed) };
        let path = folder.join(format!(".tidegate-{name}.part"));
        let file = match unnamed.persist_noclobber(&path) {
            Ok(file) => Ok(file),
            Err(_) => File::options().read(true).write(true).open(&path),
        };
        match file {
            // Locked before it is looked at: whoever had it may have given it its last name meanwhile.
            Ok(file) if file.try_lock().is_ok() && is_ours(&file, &path, &ours) => Ok(Self { path, file, stays: false }),
            Ok(_) | Err(_) => Self::unnamed(NamedTempFile::new_in(folder)?),
        }
    }

    fn unnamed(file: NamedTempFile) -> io::Result<Self> {
        let (file, path) = file.keep().map_err(|error| error.error)?;
        Ok(Self { path, file, stays: false })
    }

    /// Gives it its last name.
    pub(crate) fn rename(&mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.stays = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.stays {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the open file is the one of this name, no link to another, and of the same owner and mode as one that was just made:
/// in a folder of many, somebody else may have put a file there that they can read.
#[cfg(unix)]
fn is_ours(file: &File, path: &Path, just_made: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(named)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    let is_the_one = open.is_file() && open.nlink() == 1 && (open.dev(), open.ino()) == (named.dev(), named.ino());
    is_the_one && (open.uid(), open.mode()) == (just_made.uid(), just_made.mode())
}

#[cfg(not(unix))]
fn is_ours(_file: &File, path: &Path, _just_made: &Metadata) -> bool {
    fs::symlink_metadata(path).is_ok_and(|named| named.is_file())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn leave(folder: &Path, bytes: &[u8]) -> PathBuf {
        let mut beside = Beside::open(folder, Some("name")).unwrap();
        beside.file.write_all(bytes).unwrap();
        beside.stays = true;
        beside.path.clone()
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
        let second = Beside::open(folder.path(), Some("name")).unwrap();
        assert_ne!(first.path, second.path);
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
