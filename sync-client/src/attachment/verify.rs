//! What comes from the store is checked as it comes: seal, name and hash. Nothing counts before the last byte.

use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::StoredAttachment;
use tidegate_sync_core::envelope::{HEADER_BYTES, StreamOpener};
use tidegate_sync_core::keys::{ContentHasher, Keyring};

use super::hashes::ObjectHasher;
use crate::error::Error;

/// What an attachment's object has to be.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) keyring: Keyring,
    pub(super) space: Space,
    pub(super) hmac: ContentHmac,
    pub(super) stored: StoredAttachment,
}

impl Expected {
    pub(super) fn damaged(&self, reason: &str) -> Error {
        Error::ContentDamaged { what: format!("attachment {}", self.hmac), reason: reason.to_owned() }
    }
}

/// The checks of one object.
pub(super) struct Verifier {
    pub(super) expected: Expected,
    head: Vec<u8>,
    opener: Option<StreamOpener>,
    object: ObjectHasher,
    naming: ContentHasher,
    size: u64,
    taken: u64,
}

impl Verifier {
    pub(super) fn new(expected: Expected) -> Result<Self, Error> {
        let keys = expected.keyring.current(expected.space).ok_or_else(|| expected.damaged("unknown-key"))?;
        let naming = keys.attachment_key().hasher();
        let object = ObjectHasher::new(expected.stored.size);
        Ok(Self { expected, head: Vec::new(), opener: None, object, naming, size: 0, taken: 0 })
    }

    /// Bytes taken so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Checks the next bytes and appends the content that they open to.
    pub(super) fn take(&mut self, piece: &[u8], content: &mut Vec<u8>) -> Result<(), Error> {
        self.object.update(piece);
        self.taken += piece.len() as u64;
        let missing = HEADER_BYTES - self.head.len();
        let (head, rest) = piece.split_at(missing.min(piece.len()));
        self.head.extend_from_slice(head);
        if self.opener.is_none() {
            let Ok(head) = <[u8; HEADER_BYTES]>::try_from(self.head.as_slice()) else { return Ok(()) };
            let Expected { keyring, space, hmac, stored } = &self.expected;
            let begun = StreamOpener::begin(keyring, *space, *hmac, &head, stored.length);
            self.opener = Some(begun.map_err(|error| self.expected.damaged(error.code()))?);
        }
        let Some(opener) = self.opener.as_mut() else { return Ok(()) };
        let before = content.len();
        opener.update(rest, content).map_err(|error| self.expected.damaged(error.code()))?;
        self.naming.update(&content[before..]);
        self.size += (content.len() - before) as u64;
        Ok(())
    }

    /// Whether it was all, and the content that it has to be.
    pub(super) fn finish(self) -> Result<(), Error> {
        let expected = &self.expected;
        let opener = self.opener.ok_or_else(|| expected.damaged("envelope-truncated"))?;
        opener.finish().map_err(|error| expected.damaged(error.code()))?;
        let is_object = self.object.finish().sha256() == expected.stored.sha256;
        let is_content = self.naming.finish() == expected.hmac && self.size == expected.stored.size;
        if is_object && is_content { Ok(()) } else { Err(expected.damaged("corrupt")) }
    }
}
