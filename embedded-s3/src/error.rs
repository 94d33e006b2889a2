//! Why a store cannot be opened or read.

use std::io;
use std::path::PathBuf;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory cannot be made or written.
    #[error("the data directory {path} cannot be written: {source}")]
    DataDir {
        /// The data directory, or what in it could not be written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the data directory open.
    #[error("the data directory {path} is in use by another process; stop that one first")]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// The index is not a sound database.
    #[error("the index {path} is damaged ({fault}); restore the whole data directory from a backup")]
    DamagedIndex {
        /// The index file.
        path: PathBuf,
        /// What the check found.
        fault: String,
    },
    /// Bodies are there, but the index that names them is not.
    #[error(
        "the index {path} is missing but there are bodies; restore it from a backup, or empty the data directory to start anew"
    )]
    MissingIndex {
        /// The index file.
        path: PathBuf,
    },
    /// A later version of this program wrote the index.
    #[error(
        "the index {path} has format {found}, newer than {supported}, the newest that this version reads; update the program"
    )]
    NewerIndex {
        /// The index file.
        path: PathBuf,
        /// Format of the index.
        found: i64,
        /// Newest format that is understood.
        supported: i64,
    },
    /// An access key is unusable.
    #[error("{0}")]
    AccessKeys(String),
}

impl OpenError {
    /// A stable name in kebab-case for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DataDir { .. } => "store-data-dir-unwritable",
            Self::Locked { .. } => "store-data-dir-locked",
            Self::DamagedIndex { .. } => "store-index-damaged",
            Self::MissingIndex { .. } => "store-index-missing",
            Self::NewerIndex { .. } => "store-index-newer",
            Self::AccessKeys(_) => "store-access-keys-invalid",
        }
    }
}

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such bucket.
    #[error("there is no bucket {0}")]
    NoSuchBucket(String),
    /// There is no such object.
    #[error("there is no object {0}")]
    NoSuchKey(String),
    /// The bucket name is not valid.
    #[error("{0:?} is not a valid bucket name")]
    BucketName(String),
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// A body is missing or shorter than the index says.
    #[error("the body of an object is missing or cut short")]
    DamagedBody,
    /// Reading or writing a file failed.
    #[error("the file system refused: {0}")]
    Io(#[source] io::Error),
    /// The index failed.
    #[error("the index failed: {0}")]
    Index(#[source] rusqlite::Error),
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        if is_disk_full(&error) { Self::DiskFull } else { Self::Io(error) }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) { Self::DiskFull } else { Self::Index(error) }
    }
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(StoreError::from(full), StoreError::DiskFull));
        let full = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        assert!(matches!(StoreError::from(full), StoreError::DiskFull));
        let other = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(StoreError::from(other), StoreError::Io(_)));
    }
}
