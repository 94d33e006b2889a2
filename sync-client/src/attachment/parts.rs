//! A large attachment goes up in parts, several at a time; after a stop only those go up that the store does not have.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use tidegate_protocol::multipart::{PART_BYTES, part_length};

use super::upload::Job;
use crate::crash;
use crate::error::{Class, Error};
use crate::local::Upload;
use crate::transport::{CompleteOutcome, Peer, StoredPart, UploadId, UploadState, Want};

/// Parts of one attachment that are sent at a time, where the budget allows it.
const PARTS_AT_ONCE: usize = 4;
/// How many parts are prepared together: what they are signed for is 15 minutes' worth at 18 MB/s.
const PREPARED_AT_ONCE: usize = 64;
/// How often parts are sent again that the store has lost or changed before the upload is given up.
const ROUNDS: u32 = 3;

impl Job<'_> {
    pub(super) async fn send_in_parts(&self, upload: &mut Upload) -> Result<(), Error> {
        self.begin(upload)?;
        for _ in 0..ROUNDS {
            let (id, there) = match self.go_on(upload).await? {
                Some(going_on) => going_on,
                None => return Ok(()),
            };
            match self.send_missing(upload, &id, &there).await {
                Ok(()) => {}
                Err(error) if may_be_gone(&error) && self.is_gone(&id).await? => {
                    self.forget(upload)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            crash::point("complete-upload");
            let completed = self.transport.complete_upload(&self.key, &id, &upload.hashes.hashes).await?;
            crash::point("complete-upload");
            match completed {
                CompleteOutcome::Stored => return Ok(()),
                CompleteOutcome::PartsDiffer => {}
                CompleteOutcome::Gone => self.forget(upload)?,
            }
        }
        // Another upload may fare better than this one.
        if let Some(id) = upload.upload_id.clone() {
            self.transport.abort_upload(&self.key, &id).await?;
            self.forget(upload)?;
        }
        let (peer, reason) = (Peer::Store, "the parts of an upload do not stay as they were sent".to_owned());
        Err(Error::MalformedAnswer { peer, host: String::new(), reason })
    }

    /// The upload and the parts that the store has of it; `None` if the object is whole already.
    async fn go_on(&self, upload: &mut Upload) -> Result<Option<(UploadId, Vec<StoredPart>)>, Error> {
        if let Some(id) = upload.upload_id.clone() {
            match self.transport.upload_state(&self.key, &id).await? {
                UploadState::Open(parts) => return Ok(Some((id, parts))),
                UploadState::Stored => return Ok(None),
                UploadState::Gone => self.forget(upload)?,
            }
        }
        crash::point("create-upload");
        let id = self.transport.create_upload(&self.key, upload.length, &upload.hashes.sha256()).await?;
        crash::point("create-upload");
        upload.upload_id = Some(id.clone());
        self.note(upload)?;
        Ok(Some((id, Vec::new())))
    }

    async fn send_missing(&self, upload: &Upload, id: &UploadId, there: &[StoredPart]) -> Result<(), Error> {
        let there: BTreeMap<u32, &StoredPart> = there.iter().map(|part| (part.number, part)).collect();
        let mut missing = Vec::new();
        for (number, hash) in (1..).zip(&upload.hashes.hashes) {
            let length = part_length(upload.length, number).ok_or_else(|| Error::bug("more hashes than parts"))?;
            let has = |part: &&StoredPart| part.length == length && part.sha256.is_none_or(|found| found == *hash);
            if !there.get(&number).is_some_and(has) {
                let (key, upload) = (self.key.clone(), id.clone());
                self.uploads.add_to_send(length);
                missing.push(Want::PutPart { key, upload, number, length, sha256: *hash });
            }
        }
        let (preparing, has_failed) = (tokio::sync::Mutex::new(()), AtomicBool::new(false));
        let send = |index: usize| {
            let (missing, preparing, has_failed) = (&missing, &preparing, &has_failed);
            async move {
                if has_failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let Some(Want::PutPart { number, length, .. }) = missing.get(index) else { return Ok(()) };
                let body = self.slice(upload, *number as usize - 1, u64::from(number - 1) * PART_BYTES, *length)?;
                let _permit = self.uploads.reserve(*length).await;
                {
                    let _one_at_a_time = preparing.lock().await;
                    // The rest of its batch: each batch is prepared once, and what ran out meanwhile again.
                    let end = (index / PREPARED_AT_ONCE + 1) * PREPARED_AT_ONCE;
                    let next = &missing[index..missing.len().min(end)];
                    // What cannot be prepared fails when it is sent.
                    let _ = self.transport.prepare(next).await;
                }
                crash::point("put-part");
                self.transport.put_part(&self.key, id, *number, &body).await?;
                crash::point("put-part");
                Ok(())
            }
        };
        // After a failure nothing more is begun, but what is half sent is not thrown away.
        let sent = stream::iter(0..missing.len()).map(send).buffer_unordered(PARTS_AT_ONCE).fold(Ok(()), |sent, next| {
            has_failed.fetch_or(next.is_err(), Ordering::Relaxed);
            std::future::ready(sent.and(next))
        });
        sent.await
    }

    async fn is_gone(&self, id: &UploadId) -> Result<bool, Error> {
        Ok(self.transport.upload_state(&self.key, id).await? == UploadState::Gone)
    }

    fn forget(&self, upload: &mut Upload) -> Result<(), Error> {
        upload.upload_id = None;
        self.note(upload)
    }
}

/// Whether the store or the broker may have said that there is no such upload.
fn may_be_gone(error: &Error) -> bool {
    matches!(error.class(), Class::Invalid | Class::Conflict | Class::NotFound)
}
