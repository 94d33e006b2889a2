//! From a content to an envelope.

use rand_core::CryptoRng;

use super::chunk::{CHUNK_BYTES, ChunkCipher, Place, SEALED_CHUNK_BYTES, TAG_BYTES, chunk_count};
use super::compress::compress;
use super::context::ObjectContext;
use super::header::{HEADER_BYTES, Header, Kind};
use super::object_key::derive_object_key;
use super::padding::padded_len;
use crate::keys::{KeyName, SpaceKey, member_or_nil};

/// Length of the true length that stands before the content, in bytes.
pub(crate) const LENGTH_BYTES: usize = 8;

/// Why a content cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than its kind allows.
    #[error("a {kind} holds at most {max} bytes, this has {len}")]
    TooLarge {
        /// The kind.
        kind: Kind,
        /// The content's length in bytes.
        len: u64,
        /// The kind's cap in bytes.
        max: u64,
    },
    /// Sealed, it would be longer than an object of its kind may be.
    #[error("a stored {kind} has at most {max} bytes, this would have {len}")]
    SealedTooLarge {
        /// The kind.
        kind: Kind,
        /// The envelope's length in bytes.
        len: u64,
        /// The cap on stored bytes.
        max: u64,
    },
    /// The key belongs to another space than the object.
    #[error("the key {key} is not of the object's space")]
    OtherSpaceKey {
        /// The key.
        key: KeyName,
    },
    /// A stream ended before, or ran past, the length that it was begun with.
    #[error("the content is not of the {announced} bytes that were announced")]
    LengthChanged {
        /// The length announced, in bytes.
        announced: u64,
    },
}

impl SealError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::SealedTooLarge { .. } => "content-too-large",
            Self::OtherSpaceKey { .. } => "wrong-space-key",
            Self::LengthChanged { .. } => "content-changed-while-read",
        }
    }
}

/// Seals a content under a space's key as the object that `context` says, with a fresh salt.
///
/// # Errors
/// [`SealError::TooLarge`] or [`SealError::SealedTooLarge`] beyond the kind's caps, [`SealError::OtherSpaceKey`] for a key of
/// another space.
pub fn seal(key: &SpaceKey, context: &ObjectContext, content: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, SealError> {
    check(key, context, content.len() as u64)?;
    let kind = context.kind();
    let may_compress = kind.may_compress() && content.len() >= kind.compressed_from();
    let compressed = if may_compress { compress(content) } else { None };
    // Compression that padding eats up again is left away: raw is faster to open.
    let compressed = compressed.filter(|frame| payload_len(frame.len()) < payload_len(content.len()));
    let (stored, flags) = match &compressed {
        Some(frame) => (frame.as_slice(), 0),
        None => (content, Header::RAW),
    };
    check_sealed(kind, stored.len() as u64)?;
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    let (head, cipher) = begin(key, context, flags, salt);
    let payload = Payload { length: (content.len() as u64).to_be_bytes(), stored, padded: payload_len(stored.len()) };
    Ok(payload.seal(&head, &cipher))
}

/// Length in bytes of the envelope whose content is stored in so many bytes (for attachments: the content's length).
#[must_use]
pub const fn sealed_len(stored: u64) -> u64 {
    let payload = padded_len(stored.saturating_add(LENGTH_BYTES as u64));
    HEADER_BYTES as u64 + payload + chunk_count(payload) * TAG_BYTES as u64
}

pub(crate) fn check(key: &SpaceKey, context: &ObjectContext, len: u64) -> Result<(), SealError> {
    let kind = context.kind();
    let max = kind.max_content_bytes();
    if len > max {
        return Err(SealError::TooLarge { kind, len, max });
    }
    if key.name().member != member_or_nil(context.space) {
        return Err(SealError::OtherSpaceKey { key: key.name() });
    }
    Ok(())
}

fn check_sealed(kind: Kind, stored: u64) -> Result<(), SealError> {
    let len = sealed_len(stored);
    match kind.max_sealed_bytes() {
        Some(max) if len > max => Err(SealError::SealedTooLarge { kind, len, max }),
        Some(_) | None => Ok(()),
    }
}

/// The header's bytes, commitment included, and the object's cipher.
pub(crate) fn begin(key: &SpaceKey, context: &ObjectContext, flags: u8, salt: [u8; 32]) -> ([u8; HEADER_BYTES], ChunkCipher) {
    let header = Header { kind: context.kind(), flags, key: key.name(), salt, commitment: [0; 32] };
    let (cipher, commitment) = derive_object_key(key, &header, context);
    let mut head = [0; HEADER_BYTES];
    let committed = header.committed_bytes();
    head[..committed.len()].copy_from_slice(&committed);
    head[committed.len()..].copy_from_slice(&commitment);
    (head, cipher)
}

fn payload_len(stored: usize) -> usize {
    usize::try_from(padded_len((stored + LENGTH_BYTES) as u64)).expect("kinds held in memory are far below the address space")
}

/// What the chunks hold, without ever being put together: length, stored content, zeros.
pub(super) struct Payload<'a> {
    pub(super) length: [u8; LENGTH_BYTES],
    pub(super) stored: &'a [u8],
    pub(super) padded: usize,
}

impl Payload<'_> {
    pub(super) fn seal(&self, head: &[u8], cipher: &ChunkCipher) -> Vec<u8> {
        let chunks = self.padded.div_ceil(CHUNK_BYTES);
        let mut sealed = vec![0; head.len() + self.padded + chunks * TAG_BYTES];
        let (header, body) = sealed.split_at_mut(head.len());
        header.copy_from_slice(head);
        let mut scratch = Vec::new();
        for (index, out) in body.chunks_mut(SEALED_CHUNK_BYTES).enumerate() {
            let start = index * CHUNK_BYTES;
            let end = (start + CHUNK_BYTES).min(self.padded);
            let counter = u32::try_from(index).expect("caps keep the number of chunks far below 2^32");
            let place = Place { counter, last: index + 1 == chunks };
            cipher.seal(place, self.part(start, end, &mut scratch), out);
        }
        sealed
    }

    /// The payload's bytes from `start` to `end`: straight from the content where they all lie in it.
    fn part<'a>(&'a self, start: usize, end: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        if start >= LENGTH_BYTES
            && let Some(part) = self.stored.get(start - LENGTH_BYTES..end - LENGTH_BYTES)
        {
            return part;
        }
        scratch.clear();
        if start < LENGTH_BYTES {
            scratch.extend_from_slice(&self.length[start..]);
        }
        let from = start.saturating_sub(LENGTH_BYTES).min(self.stored.len());
        let to = (end - LENGTH_BYTES).min(self.stored.len());
        scratch.extend_from_slice(&self.stored[from..to]);
        scratch.resize(end - start, 0);
        scratch
    }
}
