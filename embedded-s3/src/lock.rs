//! One process at a time has a data directory open.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::OpenError;

/// Held as long as the store is open; the system releases it even when the process is killed.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    pub(crate) fn acquire(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join("store.lock");
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = opened.map_err(|source| OpenError::DataDir { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: data_dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(OpenError::DataDir { path, source }),
        }
    }
}
