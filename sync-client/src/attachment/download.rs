//! The way out: a sealed content from the store, bounded by what its kind may have.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use tidegate_protocol::{ContentHmac, ObjectKey, Space};
use tidegate_sync_core::engine::StoredAttachment;
use tidegate_sync_core::envelope::HEADER_BYTES;
use tokio::sync::mpsc;

use super::folder::Temporary;
use super::incoming::{Broken, Incoming, ended_early, other_part};
use super::verify::Expected;
use super::writing::{Finished, Writing};
use super::{MAX_RECORD_BYTES, MAX_SINGLE_ATTACHMENT_BYTES};
use crate::crash;
use crate::device::{Device, blocking};
use crate::error::{Class, Error};
use crate::transport::{GetOptions, GetOutcome, OpenOutcome, Transport};

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

/// Pieces that wait to be checked: what the network is ahead of the processor.
const PIECES_WAITING: usize = 8;
/// How often a download that breaks off without having brought anything is gone on with.
const TRIES: u32 = 4;

/// Where a fetched content goes.
pub(crate) enum Goal {
    /// Into the cache alone; whoever asked reads it from there.
    Cache,
    /// Into a file of the caller's, from its start, and into the cache.
    CacheAndFile(File),
    /// Into a file of the caller's alone. What an earlier try has left in it is gone on with.
    File(File),
}

/// Fetches an attachment, going on where an earlier try was stopped. Hands out its sealed file, from the start, where that is
/// kept. `progress` hears how many of the stored bytes are there.
pub(crate) async fn fetch_attachment(
    device: &Device,
    transport: Arc<dyn Transport>,
    (space, hmac): (Space, ContentHmac),
    stored: StoredAttachment,
    goal: Goal,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Option<File>, Error> {
    crash::point("fetch-attachment");
    let keyring = device.read(|state| Ok(state.engine.keyring().clone()))?;
    let (key, length, size) = (stored.key.clone(), stored.length, stored.size);
    let mut writing = begin(device, &*transport, goal, Expected { keyring, space, hmac, stored }).await?;
    let mut tries = 0;
    let sealed = loop {
        if writing.taken() < length {
            let before = writing.taken();
            let incoming = Incoming::new(Arc::clone(&transport), device.downloads.clone(), key.clone(), length, before);
            let (ended, broke_off) = read_on(incoming, &key, writing, length, progress).await?;
            writing = ended;
            if let Some(error) = broke_off {
                tries = if writing.taken() > before { 0 } else { tries + 1 };
                if tries >= TRIES || error.class() != Class::Retry {
                    return Err(error);
                }
                tracing::debug!(code = error.code(), taken = writing.taken(), "a download goes on after it broke off");
            }
            continue;
        }
        match blocking(move || writing.finish()).await? {
            Finished::Whole(sealed) => break sealed,
            Finished::Anew(again) => {
                tracing::debug!("the file that a download went on with held something else: it begins anew");
                writing = *again;
            }
        }
    };
    let kept = sealed.map(|sealed| keep(device, space, hmac, size, sealed)).transpose()?;
    crash::point("fetch-attachment");
    Ok(kept)
}

async fn begin(device: &Device, transport: &dyn Transport, goal: Goal, expected: Expected) -> Result<Writing, Error> {
    let sealed = |expected: &Expected| device.folder().partial(expected.hmac, expected.stored.sha256.digest());
    match goal {
        Goal::Cache => {
            let sealed = sealed(&expected)?;
            blocking(move || Writing::resume(sealed, None, expected)).await
        }
        Goal::CacheAndFile(file) => {
            let sealed = sealed(&expected)?;
            blocking(move || Writing::resume(sealed, Some(file), expected)).await
        }
        Goal::File(file) => {
            let is_begun = file.metadata().is_ok_and(|metadata| metadata.len() > 0);
            let head = if is_begun { head_of(transport, &expected.stored.key).await? } else { None };
            blocking(move || Writing::into_file(file, head, expected)).await
        }
    }
}

/// The header of an object; none of one that is missing or too short, of which reading it will say so.
async fn head_of(transport: &dyn Transport, key: &ObjectKey) -> Result<Option<[u8; HEADER_BYTES]>, Error> {
    let opened = transport.open(key, 0, Some(HEADER_BYTES as u64)).await?;
    let OpenOutcome::Opened(mut stream) = opened else { return Ok(None) };
    if stream.offset != 0 {
        return Err(other_part());
    }
    let mut head = Vec::with_capacity(HEADER_BYTES);
    while head.len() < HEADER_BYTES {
        let piece = stream.next().await?.ok_or_else(ended_early)?;
        head.extend(piece.iter().take(HEADER_BYTES - head.len()));
    }
    Ok(head.try_into().ok())
}

/// Reads from where the writing ends until the object does, or something breaks off; beside it the error with which it did.
async fn read_on(
    mut incoming: Incoming,
    key: &ObjectKey,
    writing: Writing,
    length: u64,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(Writing, Option<Error>), Error> {
    let mut taken = writing.taken();
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let written = tokio::task::spawn_blocking(move || writing.run(receiver));
    let broken = loop {
        match incoming.next().await {
            Ok(Some(piece)) => {
                taken += piece.len() as u64;
                // Closed: it is not what it has to be, or the disk is full. The writer says which.
                if sender.send(piece).await.is_err() {
                    break None;
                }
                progress(taken, length);
            }
            Ok(None) => break None,
            Err(broken) => break Some(broken),
        }
    };
    drop((sender, incoming));
    let writing = written.await.map_err(|error| Error::bug(error.to_string()))??;
    match broken {
        None => Ok((writing, None)),
        Some(Broken::Off(error)) => Ok((writing, Some(error))),
        Some(Broken::Missing) => Err(Error::ContentMissing { what: what(key) }),
        Some(Broken::TooShort) => Err(writing.discard("envelope-truncated")),
        Some(Broken::OtherLength) => Err(writing.discard("envelope-wrong-length")),
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
