//! The way out: a sealed content from the store, bounded by what its kind may have.

use std::fs::File;

use bytes::Bytes;
use tidegate_protocol::{ContentHmac, ObjectKey, Space};
use tidegate_sync_core::engine::StoredAttachment;
use tokio::sync::mpsc;

use super::folder::Temporary;
use super::verify::{Expected, Writing};
use super::{MAX_RECORD_BYTES, MAX_SINGLE_ATTACHMENT_BYTES};
use crate::crash;
use crate::device::{Device, blocking};
use crate::error::{Class, Error};
use crate::transport::{GetOptions, GetOutcome, OpenOutcome, Peer, Transport};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The longest object that may lie under this key, in bytes: the content, its padding and its seal.
pub(crate) const fn limit_of(key: &ObjectKey) -> u64 {
    let content = match key {
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::State(_) => 16 * KIB,
        ObjectKey::Doorbell { .. } => 256 * KIB,
        ObjectKey::Pack { .. } => 4 * MIB,
        ObjectKey::Segment { .. } => 8 * MIB,
        ObjectKey::Record { .. } => MAX_RECORD_BYTES,
        ObjectKey::Checkpoint { .. } => 64 * MIB,
        // Longer ones are read in a stream.
        ObjectKey::Attachment { .. } => MAX_SINGLE_ATTACHMENT_BYTES,
    };
    // Padmé adds at most 12 % to short contents and less to long ones; the chunks' tags and the header are in the rest.
    content + content / 8 + 64 * KIB
}

/// Pieces that wait to be written: what the network is ahead of the disk.
const PIECES_WAITING: usize = 16;
/// How often a download that breaks off without having brought anything is gone on with.
const TRIES: u32 = 4;

/// Fetches an attachment into a file of the home, going on where an earlier try was stopped, and hands out the file from its
/// start. `progress` hears how many of the stored bytes are there.
pub(crate) async fn fetch_attachment(
    device: &Device,
    transport: &dyn Transport,
    (space, hmac): (Space, ContentHmac),
    stored: StoredAttachment,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<File, Error> {
    crash::point("fetch-attachment");
    let keyring = device.read(|state| Ok(state.engine.keyring().clone()))?;
    let (key, length, size) = (stored.key.clone(), stored.length, stored.size);
    let digest = stored.sha256.digest();
    let expected = Expected { keyring, space, hmac, stored };
    let partial = device.folder().partial(hmac, digest)?;
    let mut writing = blocking(move || Writing::resume(partial, expected)).await?;
    let mut tries = 0;
    while writing.taken() < length {
        let before = writing.taken();
        let (ended, broke_off) = read_on(transport, &key, writing, length, progress).await?;
        writing = ended;
        if let Some(error) = broke_off {
            tries = if writing.taken() > before { 0 } else { tries + 1 };
            if tries >= TRIES || error.class() != Class::Retry {
                return Err(error);
            }
            tracing::debug!(code = error.code(), taken = writing.taken(), "a download goes on after it broke off");
        }
    }
    let file = match blocking(move || Ok(writing.finish())).await? {
        Ok(file) => file,
        Err((file, error)) => {
            file.discard();
            return Err(error);
        }
    };
    let file = keep(device, space, hmac, size, file)?;
    crash::point("fetch-attachment");
    Ok(file)
}

/// Reads from where the file ends as far as one answer goes; beside the file the error with which it broke off.
async fn read_on(
    transport: &dyn Transport,
    key: &ObjectKey,
    writing: Writing,
    length: u64,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(Writing, Option<Error>), Error> {
    let from = writing.taken();
    let mut stream = match transport.open(key, from).await {
        Ok(OpenOutcome::Opened(stream)) => stream,
        Ok(OpenOutcome::Missing) => return Err(Error::ContentMissing { what: what(key) }),
        Ok(OpenOutcome::TooShort) => return Err(writing.discard("envelope-truncated")),
        Err(error) => return Ok((writing, Some(error))),
    };
    if stream.length.is_some_and(|found| found != length) {
        return Err(writing.discard("envelope-wrong-length"));
    }
    if stream.offset > from {
        let reason = "another part of the object than the one asked for".to_owned();
        return Err(Error::MalformedAnswer { peer: Peer::Store, host: String::new(), reason });
    }
    // A store that knows no ranges sends it all again, and what is there is passed over.
    let mut to_skip = from - stream.offset;
    let mut taken = from;
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let written = tokio::task::spawn_blocking(move || {
        let (path, file) = (writing.file.path().to_owned(), writing);
        file.run(receiver).map_err(|error| (path, error))
    });
    let broke_off = loop {
        let piece = match stream.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) if taken >= length => break None,
            Ok(None) => {
                break Some(Error::Unreachable { peer: Peer::Store, host: String::new(), reason: "it ended early".to_owned() });
            }
            Err(error) => break Some(error),
        };
        let skipped = to_skip.min(piece.len() as u64);
        to_skip -= skipped;
        let piece = piece.slice(usize::try_from(skipped).unwrap_or(piece.len())..);
        taken += piece.len() as u64;
        // Closed: it is not what it has to be, or the disk is full. The writer says which.
        if !piece.is_empty() && sender.send(piece).await.is_err() {
            break None;
        }
        progress(taken.min(length), length);
    };
    drop(sender);
    match written.await.map_err(|error| Error::bug(error.to_string()))? {
        Ok(writing) => Ok((writing, broke_off)),
        Err((path, error)) => {
            // Damaged bytes are not gone on with, and a full disk needs the room.
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// Another process at work, or a full disk, is no reason to withhold what is at hand.
fn keep(device: &Device, space: Space, hmac: ContentHmac, size: u64, fetched: Temporary) -> Result<File, Error> {
    let handle = fetched.file().and_then(|file| file.try_clone().ok());
    let file = match (device.keep_file(space, hmac, size, fetched), handle) {
        (Ok(file), _) => file,
        (Err(error), Some(file)) => {
            tracing::debug!(code = error.code(), "an attachment was fetched and not kept");
            file
        }
        (Err(error), None) => return Err(error),
    };
    std::io::Seek::rewind(&mut &file).map_err(|error| Error::writing(&device.folder().path_of(hmac), error))?;
    Ok(file)
}

/// The stored bytes of a content. Sealed as they are: whoever opens them checks them.
pub(crate) async fn fetch(transport: &dyn Transport, key: &ObjectKey, range: Option<(u64, u64)>) -> Result<Bytes, Error> {
    let range = range.map(|(first, length)| first..first.saturating_add(length));
    let options = GetOptions { if_none_match: None, range, limit: limit_of(key) };
    match transport.get(key, &options).await? {
        GetOutcome::Found(fetched) => Ok(fetched.body),
        GetOutcome::NotModified | GetOutcome::Missing => Err(Error::ContentMissing { what: what(key) }),
    }
}

fn what(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Record { record, .. } => format!("record {record}"),
        ObjectKey::Attachment { hmac, .. } => format!("attachment {hmac}"),
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::Segment { .. }
        | ObjectKey::Checkpoint { .. }
        | ObjectKey::Doorbell { .. }
        | ObjectKey::Pack { .. }
        | ObjectKey::State(_) => key.to_string(),
    }
}
