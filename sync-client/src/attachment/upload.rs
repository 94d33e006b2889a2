//! The way in: a content's bytes, refused by size before they are read.

use std::fs::File;
use std::io::{self, Read as _};
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
