//! Contents: from the device, or from the store.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use tidegate_protocol::{ContentHmac, ObjectKey, Space};
use tidegate_sync_core::engine::{ContentPlace, StoredAttachment};

use super::SyncClient;
use super::cache::tidy;
use super::merged::is_merged;
use crate::attachment::{Goal, LocalContent, SealedReader, begin_anew, damage, fetch, fetch_attachment, unwritable};
use crate::device::{Device, LocalState, blocking};
use crate::error::Error;
use crate::record::{Content, ContentId};
use crate::view;

/// How much of a content is handed out at a time.
const PIECE_BYTES: usize = 64 * 1024;

impl SyncClient {
    /// A content, held in memory. What is not on the device is fetched and kept.
    ///
    /// # Errors
    /// As [`SyncClient::read`].
    pub async fn get(&self, id: ContentId) -> Result<Content, Error> {
        read_all(self.read(id, &|_, _| {}).await?)
    }

    /// Several contents, held in memory, in the order asked for. What is on the device is read at once: for many records this is
    /// far faster than one by one.
    ///
    /// # Errors
    /// As [`SyncClient::get`], of the first that cannot be had.
    pub async fn get_all(&self, ids: &[ContentId]) -> Result<Vec<Content>, Error> {
        let here = self.device.read(|state| {
            let found: Vec<Option<view::Found>> = ids.iter().map(|id| in_a_row(state, *id)).collect();
            let names: Vec<_> =
                found.iter().map(|found| found.as_ref().and_then(|found| Some((found.space, found.hmac?)))).collect();
            Ok((found, names, state.database.contents()))
        });
        let (found, names, rows) = here?;
        let contents = rows.read(&names)?;
        let mut all = Vec::with_capacity(ids.len());
        for (id, here) in ids.iter().zip(found.into_iter().zip(contents)) {
            all.push(match here {
                (Some(view::Found { media_type, title, .. }), Some(bytes)) => Content { bytes, media_type, title },
                (Some(_) | None, _) => self.get(*id).await?,
            });
        }
        Ok(all)
    }

    /// A content, read piece by piece: none is too large. Of a record whose kind is merged ([`crate::Options::merge_kinds`]) it
    /// is what all its concurrent versions hold together. What is not on the device is fetched first, going on where an earlier
    /// try was stopped, and kept as long as the cache has room; `progress` hears how many bytes have come, and of how many.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `attachment-unknown`, `change-unknown`, `content-missing`, `content-damaged`, and for
    /// what is not on the device those of [`SyncClient::sync`] and `disk-full`.
    pub async fn read(&self, id: ContentId, progress: &(dyn Fn(u64, u64) + Send + Sync)) -> Result<ContentReader, Error> {
        if let ContentId::Record(record, None) = id
            && let Some((found, bytes)) = self.merged_view(record).await?
        {
            let size = bytes.len() as u64;
            let view::Found { space, media_type, title, .. } = found;
            let (device, inner) = (Arc::clone(&self.device), Inner::bytes(bytes));
            return Ok(ContentReader { media_type, title, size, device, id, name: (space, None), inner });
        }
        self.read_version(id, progress).await
    }

    /// Writes a content into a file that is open for reading and writing, in one pass: what is not on the device is checked and
    /// written as it comes. What was in the file gives way to it. Nothing in the file counts unless this returns it whole; so let
    /// it be one without a name that counts, and wait for the disk where a power cut may not cost it.
    ///
    /// What was fetched also stays on the device, as with [`SyncClient::read`], unless it is longer than
    /// [`crate::Options::keep_written`]. Of one that is longer, a try that was stopped leaves its beginning in the file, and the
    /// next try goes on from there if it is given that file as it is: opened anew, without being cut. Is something else in it,
    /// all of the content comes again.
    ///
    /// # Errors
    /// As [`SyncClient::read`]; `file-unwritable`.
    pub async fn write_to(
        &self,
        id: ContentId,
        mut file: File,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<WrittenOut, Error> {
        let (found, place) = self.find(id)?;
        let Some((found, hmac, stored)) = in_store(found, place) else {
            let mut reader = self.read(id, progress).await?;
            return blocking(move || {
                begin_anew(&mut file).map_err(unwritable)?;
                write_all(&mut reader, file)
            })
            .await;
        };
        let is_kept = stored.length <= self.device.options.keep_written;
        let (transport, name) = (self.device.transport()?, (found.space, hmac));
        if is_kept {
            let goal = Goal::CacheAndFile(file.try_clone().map_err(unwritable)?);
            let fetched = fetch_attachment(&self.device, transport, name, stored, goal, progress).await;
            // What has come is kept, sealed; the next try goes on from that.
            fetched.inspect_err(|_| begin_anew(&mut file).unwrap_or_default())?;
            tidy(&self.device);
        } else {
            fetch_attachment(&self.device, transport, name, stored, Goal::File(file), progress).await?;
        }
        Ok(WrittenOut { media_type: found.media_type, title: found.title, size: found.size })
    }

    fn find(&self, id: ContentId) -> Result<(view::Found, Place), Error> {
        self.device.read(|state| {
            let found = view::find_content(&state.engine, id)?;
            let place = place_of(&self.device, state, &found, id)?;
            Ok((found, place))
        })
    }

    /// One version's content.
    pub(super) async fn read_version(
        &self,
        id: ContentId,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<ContentReader, Error> {
        let (found, place) = self.find(id)?;
        let inner = match place {
            Place::Here(bytes) => Inner::bytes(bytes),
            Place::File(reader, hmac) => {
                self.device.folder().touch(hmac);
                Inner::Sealed { reader: Box::new(reader), piece: vec![0; PIECE_BYTES] }
            }
            Place::InStore { key, range } => {
                let transport = self.device.transport()?;
                let stored = fetch(&*transport, &key, range).await?;
                Inner::bytes(self.take_up(&found, &stored, id)?)
            }
            Place::Attachment { hmac, stored } => {
                let transport = self.device.transport()?;
                let name = (found.space, hmac);
                let file = fetch_attachment(&self.device, transport, name, stored, Goal::Cache, progress).await?;
                let file = file.ok_or_else(|| Error::bug("a fetched attachment that was to be kept is not"))?;
                let reader = self.open_fetched(file, found.space, hmac)?;
                tidy(&self.device);
                Inner::Sealed { reader: Box::new(reader), piece: vec![0; PIECE_BYTES] }
            }
        };
        let view::Found { space, hmac, media_type, title, size, .. } = found;
        Ok(ContentReader { media_type, title, size, device: Arc::clone(&self.device), id, name: (space, hmac), inner })
    }

    fn open_fetched(&self, file: File, space: Space, hmac: ContentHmac) -> Result<SealedReader, Error> {
        let keyring = self.device.read(|state| Ok(state.engine.keyring().clone()))?;
        let path = self.device.folder().path_of(hmac);
        SealedReader::new(file, &keyring, space, hmac).map_err(|source| Error::HomeUnreadable { path, source })
    }

    /// Opens what was fetched, checks it and keeps it.
    fn take_up(&self, found: &view::Found, stored: &[u8], id: ContentId) -> Result<Vec<u8>, Error> {
        let opened = self.device.read(|state| {
            state
                .engine
                .open_content(found.space, found.cid, stored)
                .map_err(|reason| Error::ContentDamaged { what: name_of(id), reason: reason.code().to_owned() })
        });
        let (hmac, bytes) = opened?;
        // Another process at work, or a full disk, is no reason to withhold what is at hand.
        if let Err(error) = self.device.keep_content(found.space, hmac, &bytes) {
            tracing::debug!(code = error.code(), "a content was fetched and not kept");
        }
        Ok(bytes)
    }
}

/// A content that may stand in a row of the database; what else there is to it is looked at one by one.
fn in_a_row(state: &LocalState, id: ContentId) -> Option<view::Found> {
    if let ContentId::Record(record, None) = id
        && is_merged(state, record)
    {
        return None;
    }
    let found = view::find_content(&state.engine, id).ok()?;
    let is_here =
        matches!(state.engine.content_place(found.space, found.cid), ContentPlace::Local(hmac) if found.hmac == Some(hmac));
    is_here.then_some(found)
}

/// What was written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenOut {
    /// Its media type.
    pub media_type: String,
    /// The record's title or the attachment's name.
    pub title: String,
    /// Its length in bytes.
    pub size: u64,
}

/// An attachment that has to be fetched, if it is one.
fn in_store(found: view::Found, place: Place) -> Option<(view::Found, ContentHmac, StoredAttachment)> {
    match place {
        Place::Attachment { hmac, stored } => Some((found, hmac, stored)),
        Place::Here(_) | Place::File(..) | Place::InStore { .. } => None,
    }
}

fn write_all(reader: &mut ContentReader, mut file: File) -> Result<WrittenOut, Error> {
    while let Some(piece) = reader.next_piece()? {
        file.write_all(piece).map_err(unwritable)?;
    }
    let (media_type, title) = (reader.media_type.clone(), reader.title.clone());
    Ok(WrittenOut { media_type, title, size: reader.size })
}

/// A content, held in memory.
pub(super) fn read_all(mut reader: ContentReader) -> Result<Content, Error> {
    let mut bytes = Vec::with_capacity(usize::try_from(reader.size).unwrap_or(0));
    while let Some(piece) = reader.next_piece()? {
        bytes.extend_from_slice(piece);
    }
    Ok(Content { bytes, media_type: reader.media_type, title: reader.title })
}

/// A content that is read piece by piece.
pub struct ContentReader {
    /// Its media type.
    pub media_type: String,
    /// The record's title or the attachment's name.
    pub title: String,
    /// Its length in bytes.
    pub size: u64,
    device: Arc<Device>,
    id: ContentId,
    name: (Space, Option<ContentHmac>),
    inner: Inner,
}

enum Inner {
    Bytes { bytes: Vec<u8>, given: usize },
    Sealed { reader: Box<SealedReader>, piece: Vec<u8> },
}

impl Inner {
    const fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes { bytes, given: 0 }
    }
}

impl ContentReader {
    /// The next piece, checked; `None` at the end. Only at the end is the content known to be complete.
    ///
    /// # Errors
    /// `content-damaged` where the device's copy is not what was kept. One that can be fetched again is forgotten, so that the
    /// next read fetches it.
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, Error> {
        match &mut self.inner {
            Inner::Bytes { bytes, given } => {
                let rest = &bytes[*given..];
                let piece = &rest[..rest.len().min(PIECE_BYTES)];
                *given += piece.len();
                Ok((!piece.is_empty()).then_some(piece))
            }
            Inner::Sealed { reader, piece } => match reader.read(piece) {
                Ok(0) => Ok(None),
                Ok(read) => Ok(Some(&piece[..read])),
                Err(error) => Err(damaged(&self.device, self.id, self.name, error)),
            },
        }
    }
}

impl fmt::Debug for ContentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentReader").field("size", &self.size).finish_non_exhaustive()
    }
}

fn damaged(device: &Device, id: ContentId, (space, hmac): (Space, Option<ContentHmac>), error: io::Error) -> Error {
    let Some(reason) = damage(&error) else {
        return Error::HomeUnreadable { path: device.home.path().to_owned(), source: error };
    };
    if let Some(hmac) = hmac
        && let Err(error) = device.remove_file(space, hmac)
    {
        tracing::debug!(code = error.code(), "a damaged attachment could not be taken from the device");
    }
    Error::ContentDamaged { what: name_of(id), reason: reason.to_owned() }
}

/// Where a content's bytes come from.
enum Place {
    Here(Vec<u8>),
    File(SealedReader, ContentHmac),
    InStore { key: ObjectKey, range: Option<(u64, u64)> },
    Attachment { hmac: ContentHmac, stored: StoredAttachment },
}

fn place_of(device: &Device, state: &LocalState, found: &view::Found, id: ContentId) -> Result<Place, Error> {
    let attachment = |hmac: ContentHmac| match id {
        ContentId::Attachment(_) => {
            let stored = state.engine.stored_attachment(found.space, found.cid);
            stored.map(|stored| Place::Attachment { hmac, stored })
        }
        ContentId::Record(..) => None,
    };
    match state.engine.content_place(found.space, found.cid) {
        ContentPlace::Inline(bytes) => Ok(Place::Here(bytes.to_vec())),
        ContentPlace::Local(hmac) => match state.open_local(&device.folder(), found.space, hmac)? {
            Some(LocalContent::File(reader)) => Ok(Place::File(reader, hmac)),
            Some(LocalContent::Row(bytes)) => Ok(Place::Here(bytes)),
            // Somebody took the file away: it is fetched again, where it is in the store.
            None => attachment(hmac)
                .ok_or_else(|| Error::DatabaseDamaged { reason: "a content is gone that should be here".to_owned() }),
        },
        ContentPlace::Remote { key, range, hmac } => Ok(attachment(hmac).unwrap_or(Place::InStore { key, range })),
        ContentPlace::Nowhere => Err(Error::ContentMissing { what: name_of(id) }),
    }
}

fn name_of(id: ContentId) -> String {
    match id {
        ContentId::Record(record, _) => format!("record {record}"),
        ContentId::Attachment(hmac) => format!("attachment {hmac}"),
    }
}
