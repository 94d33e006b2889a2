//! The bytes of an object, wherever they are.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Result};
use tokio_util::io::ReaderStream;

use super::Backend;
use super::failure::{failed, internal, no_such_bucket, no_such_key};
use crate::body::{PIECE, Stretch};
use crate::error::StoreError;
use crate::index::{Contents, Lookup, ObjectRecord};

/// A stretch of an object, opened.
pub(crate) enum Content {
    /// Read already.
    Bytes(Bytes),
    /// In files.
    Files(Stretch),
}

/// Why an object cannot be read.
pub(crate) enum Unreadable {
    /// It was replaced or deleted after it was looked up.
    Gone,
    /// Anything else.
    Failed(StoreError),
}

impl Content {
    /// Opens the bytes `wanted` of an object. Blocks.
    pub(crate) fn open(backend: &Backend, record: &ObjectRecord, wanted: Range<u64>) -> Result<Self, Unreadable> {
        let contents = backend.reads.contents(record).map_err(|error| Unreadable::Failed(error.into()))?;
        match contents.ok_or(Unreadable::Gone)? {
            Contents::Bytes(bytes) => {
                let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                if bytes.len() != index(record.size) {
                    return Err(Unreadable::Failed(StoreError::DamagedBody));
                }
                Ok(Self::Bytes(Bytes::from(bytes).slice(index(wanted.start)..index(wanted.end))))
            }
            Contents::Files(pieces) => {
                Stretch::open(&backend.bodies, &pieces, record.size, wanted).map(Self::Files).map_err(unreadable)
            }
        }
    }

    /// Bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Files(stretch) => stretch.length(),
        }
    }

    /// All of it. Blocks.
    pub(crate) fn read_to_end(self) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.into()),
            Self::Files(stretch) => stretch.read_to_end().map_err(unreadable),
        }
    }

    /// Hands over all of it, a bounded piece at a time. Blocks.
    pub(super) fn read_in_pieces(self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => take(&bytes),
            Self::Files(stretch) => stretch.read_in_pieces(take),
        }
    }

    /// As the body of an answer: small ones at once, the rest as it is asked for. Blocks.
    pub(super) fn into_blob(self) -> S3Result<StreamingBlob> {
        match self {
            Self::Bytes(bytes) => Ok(StreamingBlob::from(Body::from(bytes))),
            Self::Files(stretch) if stretch.length() <= PIECE as u64 => {
                let bytes = stretch.read_to_end().map_err(|_| failed(StoreError::DamagedBody))?;
                Ok(StreamingBlob::from(Body::from(Bytes::from(bytes))))
            }
            Self::Files(stretch) => Ok(StreamingBlob::wrap(ReaderStream::with_capacity(stretch.into_reader(), PIECE))),
        }
    }
}

fn unreadable(error: io::Error) -> Unreadable {
    if error.kind() == io::ErrorKind::NotFound {
        return Unreadable::Gone;
    }
    let is_damage = error.kind() == io::ErrorKind::InvalidData;
    Unreadable::Failed(if is_damage { StoreError::DamagedBody } else { error.into() })
}

/// Looks the key up and opens what of it `choose` wants. An overwrite in between removes the bytes that were about to be opened:
/// then it looks again. Blocks.
pub(super) fn open_current<T>(
    backend: &Arc<Backend>,
    bucket: &str,
    key: &str,
    choose: impl Fn(&ObjectRecord) -> S3Result<(Range<u64>, T)>,
) -> S3Result<(Box<ObjectRecord>, Content, T)> {
    let mut missing = None;
    loop {
        let record = lookup(backend, bucket, key)?;
        let (wanted, chosen) = choose(&record)?;
        match Content::open(backend, &record, wanted) {
            Ok(content) => return Ok((record, content, chosen)),
            Err(Unreadable::Gone) if missing != Some(record.body) => missing = Some(record.body),
            Err(Unreadable::Gone) => return Err(failed(StoreError::DamagedBody)),
            Err(Unreadable::Failed(error)) => return Err(internal(&error)),
        }
    }
}

/// Blocks.
pub(super) fn lookup(backend: &Backend, bucket: &str, key: &str) -> S3Result<Box<ObjectRecord>> {
    match backend.reads.lookup(bucket, key).map_err(failed)? {
        Lookup::NoBucket => Err(no_such_bucket()),
        Lookup::NoKey => Err(no_such_key()),
        Lookup::Found(record) => Ok(record),
    }
}
