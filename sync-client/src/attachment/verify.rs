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

    fn opener(&self, head: &[u8; HEADER_BYTES]) -> Result<StreamOpener, Error> {
        let begun = StreamOpener::begin(&self.keyring, self.space, self.hmac, head, self.stored.length);
        begun.map_err(|error| self.damaged(error.code()))
    }
}

/// The checks of one object.
pub(super) struct Verifier {
    pub(super) expected: Expected,
    head: Vec<u8>,
    opener: Option<StreamOpener>,
    /// None where the content is all that counts.
    object: Option<ObjectHasher>,
    naming: ContentHasher,
    size: u64,
    taken: u64,
}

impl Verifier {
    /// Of an object that is kept as it is: each chunk's seal, its content's name and size, and its own hash.
    pub(super) fn of_object(expected: Expected) -> Result<Self, Error> {
        let object = Some(ObjectHasher::new(expected.stored.size));
        Ok(Self { object, ..Self::of_content(expected)? })
    }

    /// Of a content alone: each chunk's seal, and its name and size, which prove it whatever envelope it came in.
    pub(super) fn of_content(expected: Expected) -> Result<Self, Error> {
        let keys = expected.keyring.current(expected.space).ok_or_else(|| expected.damaged("unknown-key"))?;
        let naming = keys.attachment_key().hasher();
        Ok(Self { expected, head: Vec::new(), opener: None, object: None, naming, size: 0, taken: 0 })
    }

    /// Goes on after the beginning of a content, of which so many bytes are at hand; gives how many of them count, which
    /// [`Verifier::take_content`] is to be given.
    pub(super) fn after(expected: Expected, head: &[u8; HEADER_BYTES], at_hand: u64) -> Result<(Self, u64), Error> {
        let mut verifier = Self::of_content(expected)?;
        let mut opener = verifier.expected.opener(head)?;
        let skipped =
            opener.skip(verifier.expected.stored.size, at_hand).map_err(|error| verifier.expected.damaged(error.code()))?;
        verifier.head = head.to_vec();
        verifier.opener = Some(opener);
        verifier.taken = skipped.sealed;
        Ok((verifier, skipped.content))
    }

    /// Takes the next of the content that was at hand.
    pub(super) fn take_content(&mut self, content: &[u8]) {
        self.naming.update(content);
        self.size += content.len() as u64;
    }

    /// Bytes taken so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Checks the next bytes and appends the content that they open to.
    pub(super) fn take(&mut self, piece: &[u8], content: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(object) = self.object.as_mut() {
            object.update(piece);
        }
        self.taken += piece.len() as u64;
        let missing = HEADER_BYTES - self.head.len();
        let (head, rest) = piece.split_at(missing.min(piece.len()));
        self.head.extend_from_slice(head);
        if self.opener.is_none() {
            let Ok(head) = <[u8; HEADER_BYTES]>::try_from(self.head.as_slice()) else { return Ok(()) };
            self.opener = Some(self.expected.opener(&head)?);
        }
        let Some(opener) = self.opener.as_mut() else { return Ok(()) };
        let before = content.len();
        opener.update(rest, content).map_err(|error| self.expected.damaged(error.code()))?;
        self.take_content(&content[before..]);
        Ok(())
    }

    /// Whether it was all, and the content that it has to be.
    pub(super) fn finish(self) -> Result<(), Error> {
        let expected = &self.expected;
        let opener = self.opener.ok_or_else(|| expected.damaged("envelope-truncated"))?;
        opener.finish().map_err(|error| expected.damaged(error.code()))?;
        let is_object = self.object.is_none_or(|object| object.finish().sha256() == expected.stored.sha256);
        let is_content = self.naming.finish() == expected.hmac && self.size == expected.stored.size;
        if is_object && is_content { Ok(()) } else { Err(expected.damaged("corrupt")) }
    }
}
