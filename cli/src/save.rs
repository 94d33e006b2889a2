//! Files that we write: whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::beside::Beside;
use crate::failure::{Class, Failure};
use crate::input::{display, is_folder};

/// Where a content is written to.
pub(crate) enum Place {
    /// A file: written beside it first.
    File(Replacement),
    /// A device or a pipe: written to as it comes.
    Stream(Stream),
}

impl Place {
    /// Looks at what is there, and opens what will be written. With a name for what is written to it, a file goes on with what an
    /// earlier run of that name has left in the same folder.
    pub(crate) fn open(path: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let failed = |error: io::Error| unwritable(&path, &error);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Err(is_folder(&path)),
            Ok(metadata) if !metadata.is_file() => {
                let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
                return Ok(Self::Stream(Stream { path, file }));
            }
            Ok(_) | Err(_) => {}
        }
        let beside = Beside::open(folder_of(&path), name).map_err(failed)?;
        Ok(Self::File(Replacement { path, beside }))
    }
}

/// A file that will take another's place, whole.
pub(crate) struct Replacement {
    path: PathBuf,
    beside: Beside,
}

impl Replacement {
    /// What is to be written to.
    pub(crate) fn handle(&self) -> Result<File, Failure> {
        self.beside.file.try_clone().map_err(|error| self.unwritable(&error))
    }

    /// Puts what was written in its place, once it is on the disk.
    pub(crate) fn put(self) -> Result<(), Failure> {
        let Self { path, beside } = self;
        beside.file.sync_all().and_then(|()| beside.rename(&path)).map_err(|error| unwritable(&path, &error))
    }

    /// Leaves what was written so far for a later run.
    pub(crate) fn leave(self) {
        self.beside.leave();
    }

    pub(crate) fn unwritable(&self, error: &io::Error) -> Failure {
        unwritable(&self.path, error)
    }
}

/// A device or a pipe.
pub(crate) struct Stream {
    path: PathBuf,
    file: File,
}

impl Stream {
    /// What is to be written to.
    pub(crate) fn handle(&self) -> Result<File, Failure> {
        self.file.try_clone().map_err(|error| unwritable(&self.path, &error))
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.file.write_all(piece).map_err(|error| unwritable(&self.path, &error))
    }
}

/// A new file for a secret, made before the secret exists so that an existing file or a bad folder stops everything early.
#[derive(Debug)]
pub(crate) struct SecretFile {
    path: PathBuf,
    /// `None` if the secret is in it already.
    file: Option<File>,
}

impl SecretFile {
    /// Makes the file, empty, readable by its owner alone.
    ///
    /// # Errors
    /// `file-exists` if there is one already: a recovery code is never overwritten.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
            // Left by a run that was stopped. Made anew, so that nobody else holds it open.
            let _ = fs::remove_file(path);
        }
        let file = options.open(path).map_err(|error| {
            if matches!(error.kind(), io::ErrorKind::AlreadyExists) { already_there(path) } else { unwritable(path, &error) }
        })?;
        Ok(Self { path: path.to_owned(), file: Some(file) })
    }

    /// A file that holds the secret already.
    pub(crate) fn written_before(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Writes the secret and waits until it is on the disk.
    pub(crate) fn write(&mut self, secret: &str) -> Result<(), Failure> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let result = writeln!(file, "{secret}").and_then(|()| file.sync_all());
        result.and_then(|()| sync_folder(folder_of(&self.path))).map_err(|error| unwritable(&self.path, &error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the file away again if nothing was written to it.
    pub(crate) fn discard(self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn already_there(path: &Path) -> Failure {
    let message = format!("{} exists already and is not overwritten", display(path));
    Failure::invalid("file-exists", message, "name a file that does not exist yet; nothing was created")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path = display(path);
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge) {
        let message = format!("there is no room on the disk for {path}");
        return Failure::new(Class::Unreachable, "disk-full", message, "make room and run the command again; nothing is lost");
    }
    Failure::invalid("file-unwritable", format!("{path} can't be written: {error}"), "check the folder and its permissions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_is_never_overwritten_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        let mut file = SecretFile::create(&path).unwrap();
        file.write("words").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "words\n");
        assert!(matches!(SecretFile::create(&path), Err(Failure::Named(named)) if named.code == "file-exists"));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }

    #[test]
    fn an_unused_secret_file_is_taken_away_but_a_used_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("code");
        SecretFile::create(&path).unwrap().discard();
        assert!(!path.exists());
        let mut file = SecretFile::create(&path).unwrap();
        file.write("words").unwrap();
        file.discard();
        assert!(path.exists());
    }

    fn open(path: &Path, name: Option<&str>) -> Replacement {
        let Place::File(replacement) = Place::open(path, name).unwrap() else { panic!("{} is no file", path.display()) };
        replacement
    }

    #[test]
    fn a_replaced_file_has_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for (name, bytes) in [(None, b"one"), (Some("content"), b"two")] {
            let replacement = open(&path, name);
            replacement.handle().unwrap().write_all(bytes).unwrap();
            replacement.put().unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        drop(open(&path, Some("content")));
        open(&path, Some("content")).leave();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "and nothing is left of one that was not written to");
    }
}
