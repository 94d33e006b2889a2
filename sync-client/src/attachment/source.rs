//! The way in: a content's bytes, refused by size before they are read.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use crate::error::Error;
use crate::record::Source;

/// The bytes of a source. `too_large` makes the error of one over `limit` bytes.
pub(crate) fn read(source: Source, limit: u64, too_large: impl Fn(u64) -> Error) -> Result<Vec<u8>, Error> {
    let bytes = match source {
        Source::Bytes(bytes) => bytes,
        Source::File(path) => read_file(path, limit, &too_large)?,
    };
    if bytes.len() as u64 > limit { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn read_file(path: PathBuf, limit: u64, too_large: &impl Fn(u64) -> Error) -> Result<Vec<u8>, Error> {
    let unreadable = |source: io::Error| Error::SourceUnreadable { path: path.clone(), source };
    let file = File::open(&path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // One byte over the limit is enough to know that a file that grows meanwhile is too large.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// A source that is read more than once: to name it, and to seal it.
pub(crate) struct OpenSource {
    reader: Reader,
    path: Option<PathBuf>,
    size: u64,
}

enum Reader {
    Bytes(Cursor<Vec<u8>>),
    File(File),
}

impl OpenSource {
    /// Opens a source: a file of at most `limit` bytes, or at most `held` bytes at hand or from what is no regular file, which
    /// gives its bytes only once.
    pub(crate) fn open(source: Source, limit: u64, held: u64) -> Result<Self, Error> {
        let too_large = |limit| move |bytes| Error::AttachmentTooLarge { bytes, limit };
        let path = match source {
            Source::Bytes(bytes) if bytes.len() as u64 > held => return Err(too_large(held)(bytes.len() as u64)),
            Source::Bytes(bytes) => return Ok(Self::of_bytes(bytes)),
            Source::File(path) => path,
        };
        let unreadable = |source: io::Error| Error::SourceUnreadable { path: path.clone(), source };
        let file = File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            drop(file);
            return read(Source::File(path), held, too_large(held)).map(Self::of_bytes);
        }
        if metadata.len() > limit {
            return Err(too_large(limit)(metadata.len()));
        }
        Ok(Self { reader: Reader::File(file), path: Some(path), size: metadata.len() })
    }

    const fn of_bytes(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        Self { reader: Reader::Bytes(Cursor::new(bytes)), path: None, size }
    }

    /// Its length in bytes as it was opened.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Goes back to its beginning.
    pub(crate) fn rewind(&mut self) -> Result<(), Error> {
        let rewound = match &mut self.reader {
            Reader::Bytes(bytes) => bytes.rewind(),
            Reader::File(file) => file.seek(SeekFrom::Start(0)).map(drop),
        };
        rewound.map_err(|error| self.unreadable(error))
    }

    pub(crate) fn unreadable(&self, source: io::Error) -> Error {
        Error::SourceUnreadable { path: self.path.clone().unwrap_or_default(), source }
    }

    pub(crate) const fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }
}

impl Read for OpenSource {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Reader::Bytes(bytes) => bytes.read(out),
            Reader::File(file) => file.read(out),
        }
    }
}
