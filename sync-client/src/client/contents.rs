//! Contents: from the device, or from the store.

use tidegate_protocol::ObjectKey;
use tidegate_sync_core::engine::ContentPlace;

use super::SyncClient;
use crate::attachment::fetch;
use crate::device::LocalState;
use crate::error::Error;
use crate::record::{Content, ContentId};
use crate::view;

impl SyncClient {
    /// A content. What is not on the device is fetched and kept.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `attachment-unknown`, `change-unknown`, `content-missing`, `content-damaged`, and for
    /// what is not on the device those of [`SyncClient::sync`].
    pub async fn get(&self, id: ContentId) -> Result<Content, Error> {
        let (found, place) = self.device.read(|state| {
            let found = view::find_content(&state.engine, id)?;
            let place = place_of(state, &found, id)?;
            Ok((found, place))
        })?;
        let bytes = match place {
            Place::Here(bytes) => bytes,
            Place::InStore { key, range } => {
                let transport = self.device.transport()?;
                let stored = fetch(&*transport, &key, range).await?;
                self.take_up(&found, &stored, id)?
            }
        };
        Ok(Content { bytes, media_type: found.media_type, title: found.title })
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

/// Where a content's bytes come from.
enum Place {
    Here(Vec<u8>),
    InStore { key: ObjectKey, range: Option<(u64, u64)> },
}

fn place_of(state: &LocalState, found: &view::Found, id: ContentId) -> Result<Place, Error> {
    match state.engine.content_place(found.space, found.cid) {
        ContentPlace::Inline(bytes) => Ok(Place::Here(bytes.to_vec())),
        ContentPlace::Local(hmac) => {
            let gone = || Error::DatabaseDamaged { reason: "a content is gone that should be here".to_owned() };
            state.database.content(found.space, hmac)?.map(Place::Here).ok_or_else(gone)
        }
        ContentPlace::Remote { key, range, .. } => Ok(Place::InStore { key, range }),
        ContentPlace::Nowhere => Err(Error::ContentMissing { what: name_of(id) }),
    }
}

fn name_of(id: ContentId) -> String {
    match id {
        ContentId::Record(record, _) => format!("record {record}"),
        ContentId::Attachment(hmac) => format!("attachment {hmac}"),
    }
}
