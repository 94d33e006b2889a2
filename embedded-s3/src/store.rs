//! The store: opened over a data directory, served over HTTP, and read directly by who runs it.

use std::fmt;
use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::access::Keys;
use crate::body::BodyStore;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::cors::CorsRules;
use crate::error::{OpenError, StoreError};
use crate::index::{self, CORS, Change, Lookup, ReadPool, Refused, Writer};
use crate::lock::DataDirLock;
use crate::operation::{Backend, Content, Unreadable};
use crate::serve::{self, S3Service};

/// An open store. Clones share it; the data directory is free again when the last one and its connections are gone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<Backend>,
    keys: Keys,
    clock: Clock,
}

/// A key and its size in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Object key.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

impl Store {
    /// Opens the store in a data directory, makes it where there is none, and removes what a crash left behind.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        if let Some(fault) = config::fault_in(&config.access_keys) {
            return Err(OpenError::AccessKeys(fault));
        }
        let data_dir = config.data_dir.as_path();
        let unwritable = |source| OpenError::DataDir { path: data_dir.to_owned(), source };
        make_private(data_dir).map_err(unwritable)?;
        let lock = DataDirLock::acquire(data_dir)?;
        let bodies = Arc::new(BodyStore::create(data_dir).map_err(unwritable)?);
        let path = data_dir.join("index.sqlite");
        let opened = index::open(&path, &bodies, config.clock.now_ms())?;
        let swept = bodies.sweep(&opened.named, opened.least_free).map_err(unwritable)?;
        if swept.missing > 0 {
            tracing::error!(missing = swept.missing, "bodies of objects are missing; restore the data directory from a backup");
        }
        if swept.orphans > 0 {
            tracing::info!(orphans = swept.orphans, "removed what an interrupted run left behind");
        }
        let writer = Writer::start(opened.connection, opened.last_modified_ms, Arc::clone(&bodies), config.clock.clone())
            .map_err(unwritable)?;
        let reads = ReadPool::new(path.clone());
        let damaged = |fault: String| OpenError::DamagedIndex { path: path.clone(), fault };
        let cors = reads
            .settings(CORS)
            .map_err(|error| damaged(error.to_string()))
            .and_then(|settings| CorsRules::of(&settings).map_err(|error| damaged(format!("CORS rules: {error}"))))?;
        let backend = Arc::new(Backend { region: config.region, reads, writer, bodies, cors, _lock: lock });
        Ok(Self { backend, keys: Keys::new(config.access_keys), clock: config.clock })
    }

    /// Makes a bucket; one that exists already is left as it is. Blocks until it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::BucketName`] if the name is not one that S3 allows, else what failed.
    pub fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(StoreError::BucketName(name.to_owned()));
        }
        match self.backend.writer.submit_blocking(Change::CreateBucket { name: name.to_owned() })? {
            Ok(_) | Err(Refused::BucketExists) => Ok(()),
            Err(
                Refused::BucketNotEmpty
                | Refused::NoSuchBucket
                | Refused::NoSuchKey
                | Refused::Precondition
                | Refused::NoSuchUpload
                | Refused::PartOrder
                | Refused::NoSuchPart
                | Refused::PartTooSmall
                | Refused::WrongWhole
                | Refused::OtherChecksum,
            ) => Err(StoreError::NoSuchBucket(name.to_owned())),
        }
    }

    /// The HTTP service over this store.
    #[must_use]
    pub fn service(&self) -> S3Service {
        S3Service::new(Arc::clone(&self.backend), self.keys.clone(), self.clock.clone())
    }

    /// Serves HTTP/1.1 on `listener` until `shutdown`, then lets requests under way finish for at most ten seconds.
    ///
    /// # Errors
    /// If the listener fails for good.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        serve::serve(self.service(), listener, shutdown).await
    }

    /// Every key of a bucket with its size, in byte order. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`], or what failed.
    pub fn objects(&self, bucket: &str) -> Result<Vec<StoredObject>, StoreError> {
        let sizes = self.backend.reads.sizes(bucket)?.ok_or_else(|| StoreError::NoSuchBucket(bucket.to_owned()))?;
        Ok(sizes.into_iter().map(|(key, size)| StoredObject { key, size }).collect())
    }

    /// The bytes of an object as they lie on the disk. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`], [`StoreError::NoSuchKey`], or what failed.
    pub fn read(&self, bucket: &str, key: &str) -> Result<Vec<u8>, StoreError> {
        let mut missing = None;
        loop {
            let record = match self.backend.reads.lookup(bucket, key)? {
                Lookup::NoBucket => return Err(StoreError::NoSuchBucket(bucket.to_owned())),
                Lookup::NoKey => return Err(StoreError::NoSuchKey(key.to_owned())),
                Lookup::Found(record) => record,
            };
            match Content::open(&self.backend, &record, 0..record.size).and_then(Content::read_to_end) {
                Ok(bytes) => return Ok(bytes),
                Err(Unreadable::Gone) if missing != Some(record.body) => missing = Some(record.body),
                Err(Unreadable::Gone) => return Err(StoreError::DamagedBody),
                Err(Unreadable::Failed(error)) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("region", &self.backend.region).finish_non_exhaustive()
    }
}

/// Makes the data directory readable by its owner alone.
fn make_private(data_dir: &Path) -> io::Result<()> {
    if data_dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(data_dir)?;
    restrict(data_dir)
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<()> {
    Ok(())
}
