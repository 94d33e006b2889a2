//! The folder on the device that holds an account: keys, session, local database. For its owner's eyes only.

mod deletion;
mod enrolment;
mod keys;
mod lock;
mod new_keys;
mod session;
mod settings;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub(crate) use deletion::DeletionFile;
pub(crate) use enrolment::{Enrolment, EnrolmentKind, NewAccount};
pub(crate) use keys::Keys;
pub(crate) use lock::{HomeGuard, HomeLock};
pub(crate) use new_keys::{MadeKeys, NewKeys, Standing};
pub(crate) use session::SessionFile;
pub(crate) use settings::Settings;

use crate::error::Error;

/// The largest file read here, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The home's folder and the names in it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
}

impl Home {
    /// The home at this path, whether it exists or not.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes the folder, readable for its owner alone.
    pub(crate) fn create(&self) -> Result<(), Error> {
        create_private_folder(&self.path).map_err(|error| Error::writing(&self.path, error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("tidegate.db")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a JSON file; `None` if there is none.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(None),
            Err(source) => return Err(Error::HomeUnreadable { path, source }),
        };
        let mut bytes = Zeroizing::new(Vec::new());
        let read = file.take(MAX_FILE_BYTES).read_to_end(&mut bytes);
        read.map_err(|source| Error::HomeUnreadable { path: path.clone(), source })?;
        // The parser's own message may quote a secret, so only the place is told.
        let damaged = |error: serde_json::Error| Error::FileDamaged {
            path,
            reason: format!("not as it was written, near line {} column {}", error.line(), error.column()),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Writes a JSON file whole or not at all, readable for its owner alone.
    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let path = self.file(name);
        let json = serde_json::to_vec_pretty(value).map_err(|error| Error::bug(format!("{name} cannot be written: {error}")))?;
        write_private(&path, &Zeroizing::new(json)).map_err(|error| Error::writing(&path, error))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Ok(()),
            Err(error) => Err(Error::writing(&path, error)),
        }
    }

    fn damaged(&self, name: &str, reason: impl Into<String>) -> Error {
        Error::FileDamaged { path: self.file(name), reason: reason.into() }
    }
}

pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return restrict_empty_folder(path);
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A folder that was made for us and is still empty becomes private; one that holds other things is left as it is.
#[cfg(unix)]
fn restrict_empty_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::read_dir(path)?.next().is_some() {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict_empty_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A new file beside the old one takes its place once it is on the disk: a crash leaves the one or the other.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}.tmp", crate::random::token()));
    let written = private_file(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&fresh, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&fresh);
        return renamed;
    }
    sync_folder(path)
}

/// A new file, readable for its owner alone.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
