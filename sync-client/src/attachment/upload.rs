//! One attachment into the store: what was sent before a crash is not sent again, unless that was so long ago that it may be about
//! to be collected.

use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_protocol::{ContentHmac, ObjectKey, Space};
use tidegate_sync_core::engine::Outcome;
use tidegate_sync_core::manifest::ObjectLocation;
use tidegate_sync_core::state::LATE_MS;

use super::budget::{Budget, Reservation};
use super::hashes::goes_in_parts;
use super::keep::{LocalContent, begin_seal};
use super::seal::seal;
use crate::device::{Device, blocking};
use crate::error::{Class, Error};
use crate::local::Upload;
use crate::transport::{FileSlice, PutCondition, Transport, Want};

/// All uploads of one sync: they share a budget of bytes on their way.
#[derive(Debug)]
pub(crate) struct Uploads {
    budget: Budget,
    to_send: AtomicU64,
}

impl Uploads {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self { budget: Budget::new(budget_bytes), to_send: AtomicU64::new(0) }
    }

    /// Stored bytes of all attachments that this sync has begun to send.
    pub(crate) fn bytes_to_send(&self) -> u64 {
        self.to_send.load(Ordering::Relaxed)
    }

    pub(super) fn add_to_send(&self, bytes: u64) {
        self.to_send.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Waits until so many bytes may be on their way; more than the budget go alone.
    pub(super) async fn reserve(&self, bytes: u64) -> Option<Reservation> {
        self.budget.reserve(bytes).await
    }

    /// Stores an attachment that is on the device.
    pub(crate) async fn store(
        &self,
        device: &Device,
        transport: &dyn Transport,
        (space, hmac, size): (Space, ContentHmac, u64),
    ) -> Result<Outcome, Error> {
        let Space::Member(user, member) = space else { return Err(Error::bug("an attachment outside a member's space")) };
        let mut upload = ready(device, transport, (space, hmac, size)).await?;
        let sha256 = upload.hashes.sha256();
        let key = ObjectKey::Attachment { user, member, hmac, digest: sha256.digest() };
        let location = ObjectLocation { key: key.clone(), length: upload.length, extra: serde_json::Map::new() };
        let job = Job { uploads: self, device, transport, space, hmac, key };
        if !upload.stored {
            let sent = if goes_in_parts(size) { job.send_in_parts(&mut upload).await } else { job.send_whole(&mut upload).await };
            sent.map_err(|error| job.blame(error, &upload))?;
            if is_late(&upload, device.now_ms()) {
                // Whoever collects may have found it old and unused by now.
                return Err(Error::UploadTooSlow);
            }
            upload.stored = true;
            job.note(&upload)?;
        }
        Ok(Outcome::AttachmentStored { location, sha256 })
    }
}

/// One attachment on its way.
pub(super) struct Job<'a> {
    pub(super) uploads: &'a Uploads,
    pub(super) device: &'a Device,
    pub(super) transport: &'a dyn Transport,
    pub(super) space: Space,
    pub(super) hmac: ContentHmac,
    pub(super) key: ObjectKey,
}

impl Job<'_> {
    /// Takes note of how far it has come, before it goes further.
    pub(super) fn note(&self, upload: &Upload) -> Result<(), Error> {
        self.device.note(|database| database.put_upload(self.space, self.hmac, upload))
    }

    /// The time from which on the bytes may be in the store counts, so it is kept before the first is sent.
    pub(super) fn begin(&self, upload: &mut Upload) -> Result<(), Error> {
        if upload.began_at_ms.is_none() {
            upload.began_at_ms = Some(self.device.now_ms());
            self.note(upload)?;
        }
        Ok(())
    }

    /// A part of the sealed file.
    pub(super) fn slice(&self, upload: &Upload, index: usize, offset: u64, length: u64) -> Result<FileSlice, Error> {
        let sha256 = *upload.hashes.hashes.get(index).ok_or_else(|| Error::bug("a part without a hash"))?;
        Ok(FileSlice { path: self.device.folder().path_of(self.hmac), offset, length, sha256 })
    }

    async fn send_whole(&self, upload: &mut Upload) -> Result<(), Error> {
        self.begin(upload)?;
        let body = self.slice(upload, 0, 0, upload.length)?;
        self.uploads.add_to_send(upload.length);
        let _permit = self.uploads.reserve(upload.length).await;
        // The key is the hash of the bytes: whatever is there already is what is sent.
        self.transport.put_file(&self.key, &body, &PutCondition::Absent).await.map(drop)
    }

    /// Whether it is the file that is at fault where the store did not take it: then no repetition will help.
    fn blame(&self, error: Error, upload: &Upload) -> Error {
        let may_be_ours = matches!(error.class(), Class::Retry | Class::Invalid | Class::Conflict);
        let path = self.device.folder().path_of(self.hmac);
        let is_whole = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == upload.length);
        if may_be_ours && (!is_whole || is_about_content(&error) && self.is_damaged(upload)) {
            return damaged(self.hmac, "local-file-damaged");
        }
        error
    }

    fn is_damaged(&self, upload: &Upload) -> bool {
        let Ok(mut file) = std::fs::File::open(self.device.folder().path_of(self.hmac)) else { return true };
        let mut hasher = super::hashes::ObjectHasher::new(upload.size);
        let mut piece = vec![0; super::seal::PIECE_BYTES];
        loop {
            match std::io::Read::read(&mut file, &mut piece) {
                Ok(0) => return hasher.finish() != upload.hashes,
                Ok(read) => hasher.update(&piece[..read]),
                Err(_) => return true,
            }
        }
    }
}

/// The PUT that an attachment will need, if it goes up whole and nothing has to be sealed before.
pub(crate) fn prepared_put(device: &Device, space: Space, hmac: ContentHmac) -> Option<Want> {
    let Space::Member(user, member) = space else { return None };
    let upload = device.state().database.upload(space, hmac).ok()??;
    if upload.stored || goes_in_parts(upload.size) || is_late(&upload, device.now_ms()) {
        return None;
    }
    let sha256 = upload.hashes.sha256();
    let key = ObjectKey::Attachment { user, member, hmac, digest: sha256.digest() };
    Some(Want::Put { key, length: upload.length, sha256, condition: PutCondition::Absent })
}

/// Whether the store may have found that the bytes are not the ones announced.
fn is_about_content(error: &Error) -> bool {
    matches!(error, Error::Unavailable { status: 400, .. } | Error::StoreRefused { .. } | Error::Unreachable { .. })
}

fn damaged(hmac: ContentHmac, reason: &str) -> Error {
    Error::ContentDamaged { what: format!("attachment {hmac}"), reason: reason.to_owned() }
}

fn is_late(upload: &Upload, now_ms: u64) -> bool {
    upload.began_at_ms.is_some_and(|began_ms| now_ms.saturating_sub(began_ms) >= LATE_MS)
}

/// The sealed file and what is known of it, sealed anew where its bytes may not be sent any more: they were in the store before,
/// or an upload of them began too long ago, or their key is an old one.
async fn ready(
    device: &Device,
    transport: &dyn Transport,
    (space, hmac, size): (Space, ContentHmac, u64),
) -> Result<Upload, Error> {
    let folder = device.folder();
    let (known, keys, local) = {
        let state = device.state();
        let known = state.database.upload(space, hmac)?;
        let keys = state.engine.space_keys(space).cloned().ok_or_else(|| Error::bug("a space without its key"))?;
        let fits = |upload: &Upload| {
            folder.length_of(hmac) == Some(upload.length)
                && folder.header_of(hmac).is_some_and(|header| header.key == keys.key().name())
                && !is_late(upload, device.now_ms())
        };
        match known {
            Some(upload) if fits(&upload) => return Ok(upload),
            known => (known, keys, state.open_local(&folder, space, hmac)?),
        }
    };
    if let Some(Upload { upload_id: Some(id), stored: false, hashes, .. }) = &known
        && let Space::Member(user, member) = space
    {
        let key = ObjectKey::Attachment { user, member, hmac, digest: hashes.sha256().digest() };
        // The store takes away by itself what nobody ends.
        let _ = transport.abort_upload(&key, id).await;
    }
    let content: Box<dyn std::io::Read + Send> = match local {
        Some(LocalContent::File(reader)) => Box::new(reader),
        Some(LocalContent::Row(bytes)) => Box::new(std::io::Cursor::new(bytes)),
        None => return Err(damaged(hmac, "content-not-local")),
    };
    let begun = begin_seal(&keys, space, hmac, size)?;
    let sealed = blocking(move || {
        seal(&folder, begun, content, |error| damaged(hmac, super::damage(&error).unwrap_or("local-file-unreadable")), |_| {})
    });
    let sealed = match sealed.await {
        Err(Error::SourceChanged) => Err(damaged(hmac, "local-file-damaged")),
        sealed => sealed,
    };
    device.replace_file(space, hmac, size, sealed?)
}
