//! From a content to the sealed file that goes to the store as it is.

use std::io::{self, Read, Write as _};

use tidegate_protocol::ContentHmac;
use tidegate_sync_core::envelope::{HEADER_BYTES, SealError, StreamSealer};
use tidegate_sync_core::keys::ContentHasher;

use super::folder::{Folder, Temporary};
use super::hashes::{ObjectHasher, ObjectHashes};
use crate::error::Error;

/// How much of a content is read at a time.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;

/// A sealed file without its name, its bytes on the disk.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) file: Temporary,
    pub(crate) length: u64,
    pub(crate) hashes: ObjectHashes,
}

/// What a content is sealed with and as.
pub(crate) struct Seal {
    pub(crate) sealer: StreamSealer,
    pub(crate) head: [u8; HEADER_BYTES],
    pub(crate) hmac: ContentHmac,
    pub(crate) size: u64,
    /// Names the content again: it must be the one that was named before.
    pub(crate) naming: ContentHasher,
}

/// Seals a content of which name and length are known. `unreadable` makes the error of a source that cannot be read, and
/// `progress` hears of each piece.
pub(crate) fn seal(
    folder: &Folder,
    seal: Seal,
    mut content: impl Read,
    unreadable: impl Fn(io::Error) -> Error,
    mut progress: impl FnMut(u64),
) -> Result<Sealed, Error> {
    let Seal { mut sealer, head, hmac, size, mut naming } = seal;
    let temporary = folder.temporary()?;
    let mut file = temporary.file().ok_or_else(|| Error::bug("a temporary file without a file"))?;
    let mut hasher = ObjectHasher::new(size);
    let (mut piece, mut out) = (vec![0; PIECE_BYTES], head.to_vec());
    let mut length = 0;
    let mut keep = |out: &mut Vec<u8>| -> Result<(), Error> {
        hasher.update(out);
        length += out.len() as u64;
        file.write_all(out).map_err(|error| temporary.writing(error))?;
        out.clear();
        Ok(())
    };
    loop {
        let read = read_some(&mut content, &mut piece).map_err(&unreadable)?;
        if read == 0 {
            break;
        }
        naming.update(&piece[..read]);
        sealer.update(&piece[..read], &mut out).map_err(changed)?;
        keep(&mut out)?;
        progress(read as u64);
    }
    while sealer.pad(&mut out).map_err(changed)? {
        keep(&mut out)?;
    }
    sealer.finish(&mut out).map_err(changed)?;
    keep(&mut out)?;
    if naming.finish() != hmac {
        return Err(Error::SourceChanged);
    }
    file.sync_all().map_err(|error| temporary.writing(error))?;
    let hashes = hasher.finish();
    Ok(Sealed { file: temporary, length, hashes })
}

/// The name and length of a content.
pub(crate) fn name(
    mut naming: ContentHasher,
    mut content: impl Read,
    mut progress: impl FnMut(u64),
) -> io::Result<(ContentHmac, u64)> {
    let (mut piece, mut size) = (vec![0; PIECE_BYTES], 0);
    loop {
        let read = read_some(&mut content, &mut piece)?;
        if read == 0 {
            return Ok((naming.finish(), size));
        }
        naming.update(&piece[..read]);
        size += read as u64;
        progress(read as u64);
    }
}

/// The next bytes; none at the end.
fn read_some(content: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match content.read(piece) {
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted) => {}
            read => return read,
        }
    }
}

fn changed(error: SealError) -> Error {
    match error {
        SealError::LengthChanged { .. } => Error::SourceChanged,
        error @ (SealError::TooLarge { .. } | SealError::SealedTooLarge { .. } | SealError::OtherSpaceKey { .. }) => {
            Error::bug(error.to_string())
        }
    }
}
