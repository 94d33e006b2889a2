//! From a content to the sealed file that goes to the store as it is.

use std::io::{self, Read, Write as _};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

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

/// Sealed pieces that wait to be written.
const SEALED_WAITING: usize = 4;

/// Seals a content of which name and length are known. One thread reads, names and seals what another hashes and writes.
/// `unreadable` makes the error of a source that cannot be read, and `progress` hears of each piece.
pub(crate) fn seal(
    folder: &Folder,
    seal: Seal,
    content: impl Read,
    unreadable: impl Fn(io::Error) -> Error,
    progress: impl FnMut(u64),
) -> Result<Sealed, Error> {
    let temporary = folder.temporary()?;
    let (sealed, to_write) = sync_channel(SEALED_WAITING);
    let (written, reuse) = channel();
    let size = seal.size;
    let (length, hashes) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&temporary, size, to_write, written));
        let produced = produce(seal, content, unreadable, progress, |out| {
            let empty = reuse.try_recv().unwrap_or_default();
            // Nobody takes it: the writer has failed, and says why.
            sealed.send(std::mem::replace(out, empty)).is_ok()
        });
        drop(sealed);
        let written = writer.join().map_err(|_| Error::bug("the writer of a sealed file panicked"))?;
        produced.and(written)
    })?;
    Ok(Sealed { file: temporary, length, hashes })
}

/// Gives out the envelope of a content, piece by piece, until nobody takes it.
fn produce(
    seal: Seal,
    mut content: impl Read,
    unreadable: impl Fn(io::Error) -> Error,
    mut progress: impl FnMut(u64),
    mut give: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<(), Error> {
    let Seal { mut sealer, head, hmac, size: _, mut naming } = seal;
    let (mut piece, mut out) = (vec![0; PIECE_BYTES], head.to_vec());
    loop {
        let read = read_some(&mut content, &mut piece).map_err(&unreadable)?;
        if read == 0 {
            break;
        }
        naming.update(&piece[..read]);
        sealer.update(&piece[..read], &mut out).map_err(changed)?;
        if !give(&mut out) {
            return Ok(());
        }
        progress(read as u64);
    }
    while sealer.pad(&mut out).map_err(changed)? {
        if !give(&mut out) {
            return Ok(());
        }
    }
    sealer.finish(&mut out).map_err(changed)?;
    give(&mut out);
    if naming.finish() == hmac { Ok(()) } else { Err(Error::SourceChanged) }
}

/// Writes what is sealed, until no more comes, and waits until it is on the disk; its length and hashes.
fn write(
    temporary: &Temporary,
    size: u64,
    sealed: Receiver<Vec<u8>>,
    written: Sender<Vec<u8>>,
) -> Result<(u64, ObjectHashes), Error> {
    let mut file = temporary.file().ok_or_else(|| Error::bug("a temporary file without a file"))?;
    let mut hasher = ObjectHasher::new(size);
    let mut length = 0;
    for mut piece in sealed {
        hasher.update(&piece);
        length += piece.len() as u64;
        file.write_all(&piece).map_err(|error| temporary.writing(error))?;
        piece.clear();
        // Nobody needs it any more at the end.
        let _ = written.send(piece);
    }
    file.sync_all().map_err(|error| temporary.writing(error))?;
    Ok((length, hasher.finish()))
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
