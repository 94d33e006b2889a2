//! Attachments: stored and read by the shell in a stream, so that none is ever held whole in memory.

use rand_core::CryptoRng;
use tidegate_protocol::{ContentHmac, ObjectKey, Sha256, Space};

use super::Engine;
use super::event::{FailureClass, Outcome};
use super::persist::Row;
use super::sync::Turn;
use super::upload::Stored;
use crate::envelope::StreamSealer;
use crate::keys::Keyring;
use crate::manifest::{Change, Cid, Location, ObjectLocation};
use crate::quarantine::{Quarantined, Reason, Subject};
use crate::state::BACKSTOP_MS;

/// An attachment's object in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// The object.
    pub key: ObjectKey,
    /// Its stored length in bytes.
    pub length: u64,
    /// What its bytes, or their parts' hashes, have to hash to.
    pub sha256: Sha256,
    /// The content's length in bytes.
    pub size: u64,
}

impl Turn<'_> {
    /// An attachment is in the store, or could not be brought there.
    pub(super) fn attachment_stored(&mut self, space: Space, cid: Cid, outcome: Outcome) {
        let (location, sha256) = match outcome.attachment_stored() {
            Ok(stored) => stored,
            // The file on the device is gone or damaged. That must not keep everything else from being sent, now and ever
            // after: the change waits, and is named.
            Err(FailureClass::Corrupt) => {
                let retry_at_ms = self.now_ms + BACKSTOP_MS;
                self.quarantine(Quarantined { space, subject: Subject::Content(cid), reason: Reason::Corrupt, retry_at_ms });
                return self.attachment_not_sent(space, cid);
            }
            Err(class) => return self.sync.fail("store-attachment", class),
        };
        let stored = Stored { location: Location::Object(Box::new(location)), sha256, uploaded_at_ms: Some(self.now_ms) };
        let subject = Subject::Content(cid);
        if self.account.space(space).quarantined.remove(&subject).is_some() {
            self.sync.rows.push(Row::RemoveQuarantined { space, subject });
        }
        self.attachment_sent(space, cid, stored);
    }
}

impl Engine {
    /// The keys that open what is sealed, and seal what is new.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.account.keyring
    }

    /// Where a change's content lies as an object of its own, as far as this device knows.
    #[must_use]
    pub fn stored_attachment(&self, space: Space, cid: Cid) -> Option<StoredAttachment> {
        let state = &self.account.spaces.get(&space)?.state;
        let (change, place) = (state.get(cid)?, state.whereabouts(cid)?);
        let Some(Location::Object(object)) = &place.location else { return None };
        Some(StoredAttachment { key: object.key.clone(), length: object.length, sha256: place.sha256?, size: change.size })
    }

    /// Whether a content may be taken from the device: it is in the store, and nothing that waits to be sent needs it.
    #[must_use]
    pub fn can_fetch_again(&self, space: Space, hmac: ContentHmac) -> bool {
        let Some(memory) = self.account.spaces.get(&space) else { return true };
        let needs = |change: &Change| change.content_hmac == Some(hmac);
        let unsent = |change: &Change| memory.outbox.contains_key(&change.cid);
        let mut here = memory.state.changes().map(|present| &*present.change).filter(|change| needs(change)).peekable();
        // Of a content that no change names any more there is nothing to keep.
        here.all(|change| !unsent(change) && self.stored_attachment(space, change.cid).is_some())
    }

    /// Takes note that a content is no longer on the device.
    pub fn content_removed(&mut self, space: Space, hmac: ContentHmac) {
        let memory = self.account.space(space);
        memory.contents.get_mut().remove(&hmac);
        memory.looked = None;
    }

    /// [`super::Effect::StoreAttachment`] for shells that hold contents in memory: the object to store, and the outcome once
    /// it is. `None` without the space's key, or for a content that is not the one named.
    #[must_use]
    pub fn seal_whole_attachment(
        &self,
        space: Space,
        hmac: ContentHmac,
        content: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Option<(ObjectKey, Vec<u8>, Outcome)> {
        let Space::Member(user, member) = space else { return None };
        let keys = self.account.keyring.current(space)?;
        if keys.attachment_key().content_hmac(content) != hmac {
            return None;
        }
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let (mut sealer, head) = StreamSealer::begin(keys.key(), space, hmac, salt, content.len() as u64).ok()?;
        let mut body = head.to_vec();
        sealer.update(content, &mut body).ok()?;
        sealer.finish(&mut body).ok()?;
        let sha256 = Sha256::of(&body);
        let key = ObjectKey::Attachment { user, member, hmac, digest: sha256.digest() };
        let location = ObjectLocation { key: key.clone(), length: body.len() as u64, extra: serde_json::Map::new() };
        Some((key, body, Outcome::AttachmentStored { location, sha256 }))
    }
}
