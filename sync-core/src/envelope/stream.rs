//! Attachments, sealed and opened piece by piece: the same bytes as [`super::seal`] gives, in bounded memory.

use std::cmp::Ordering;

use tidegate_protocol::{ContentHmac, Space};

use super::chunk::{CHUNK_BYTES, ChunkCipher, Place, SEALED_CHUNK_BYTES, TAG_BYTES, chunk_count, payload_len};
use super::context::{ObjectContext, ObjectName};
use super::header::{HEADER_BYTES, Header, Kind};
use super::open::{OpenError, begin_open, diagnose};
use super::padding::padded_len;
use super::seal::{LENGTH_BYTES, SealError, begin, check, sealed_len};
use crate::keys::{Keyring, SpaceKey};

/// Seals an attachment whose length is known beforehand.
///
/// The salt is kept with the upload, so that sealing again (once for the digest, once for each part sent, after a crash)
/// gives the same bytes. Its context holds the HMAC of the content, so one salt never seals two contents under one key.
pub struct StreamSealer {
    cipher: ChunkCipher,
    announced: u64,
    taken: u64,
    padding: u64,
    counter: u32,
    chunk: Vec<u8>,
}

impl StreamSealer {
    /// Begins an envelope: the sealer, and the header that stands first.
    ///
    /// # Errors
    /// As [`super::seal`].
    pub fn begin(
        key: &SpaceKey,
        space: Space,
        hmac: ContentHmac,
        salt: [u8; 32],
        content_len: u64,
    ) -> Result<(Self, [u8; HEADER_BYTES]), SealError> {
        let context = ObjectContext { space, name: ObjectName::Attachment { hmac } };
        check(key, &context, content_len)?;
        let (head, cipher) = begin(key, &context, Header::RAW, salt);
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        chunk.extend_from_slice(&content_len.to_be_bytes());
        let length = content_len + LENGTH_BYTES as u64;
        let padding = padded_len(length) - length;
        Ok((Self { cipher, announced: content_len, taken: 0, padding, counter: 0, chunk }, head))
    }

    /// Length in bytes of the whole envelope.
    #[must_use]
    pub const fn sealed_len(&self) -> u64 {
        sealed_len(self.announced)
    }

    /// Takes the next piece of the content and appends what can be sealed to `out`.
    ///
    /// # Errors
    /// [`SealError::LengthChanged`] where the content runs past the announced length.
    pub fn update(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        self.taken = self.taken.saturating_add(piece.len() as u64);
        if self.taken > self.announced {
            return Err(SealError::LengthChanged { announced: self.announced });
        }
        while !piece.is_empty() {
            // A full chunk waits until more comes, for the last one is marked.
            self.flush_full(out);
            let (now, later) = piece.split_at(piece.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    /// Appends the next of the padding, a chunk at most, so that nobody has to hold all of it: that of 1 GiB may be 32 MiB.
    /// `false` once there is no more.
    ///
    /// # Errors
    /// [`SealError::LengthChanged`] where the content ended before the announced length.
    pub fn pad(&mut self, out: &mut Vec<u8>) -> Result<bool, SealError> {
        if self.taken != self.announced {
            return Err(SealError::LengthChanged { announced: self.announced });
        }
        if self.padding == 0 {
            return Ok(false);
        }
        self.flush_full(out);
        let room = (CHUNK_BYTES - self.chunk.len()) as u64;
        let now = self.padding.min(room);
        self.chunk.resize(self.chunk.len() + usize::try_from(now).unwrap_or(0), 0);
        self.padding -= now;
        Ok(true)
    }

    /// Appends what is left of the padding, and the last chunk.
    ///
    /// # Errors
    /// [`SealError::LengthChanged`] where the content ended before the announced length.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        while self.pad(out)? {}
        self.flush(true, out);
        Ok(())
    }

    fn flush_full(&mut self, out: &mut Vec<u8>) {
        if self.chunk.len() == CHUNK_BYTES {
            self.flush(false, out);
        }
    }

    fn flush(&mut self, last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.chunk.len() + TAG_BYTES, 0);
        self.cipher.seal(Place { counter: self.counter, last }, &self.chunk, &mut out[start..]);
        self.chunk.clear();
        // The kind's cap keeps the number of chunks far below 2^32.
        self.counter = self.counter.wrapping_add(1);
    }
}

/// Opens an attachment piece by piece. What it gives out is authentic chunk by chunk; only after
/// [`StreamOpener::finish`] is it known to be complete.
pub struct StreamOpener {
    cipher: ChunkCipher,
    sealed_len: u64,
    padded: u64,
    chunks: u32,
    counter: u32,
    buffered: Vec<u8>,
    true_len: u64,
    given: u64,
}

impl StreamOpener {
    /// Begins with the header (the envelope's first [`HEADER_BYTES`]) and the length of the whole envelope.
    ///
    /// # Errors
    /// [`OpenError`], as [`super::open`].
    pub fn begin(
        keyring: &Keyring,
        space: Space,
        hmac: ContentHmac,
        head: &[u8; HEADER_BYTES],
        sealed_len: u64,
    ) -> Result<Self, OpenError> {
        let context = ObjectContext { space, name: ObjectName::Attachment { hmac } };
        let cipher = begin_open(keyring, &context, head)?;
        let wrong = OpenError::WrongLength { len: sealed_len };
        let padded = sealed_len.checked_sub(HEADER_BYTES as u64).and_then(payload_len).ok_or_else(|| wrong.clone())?;
        let max = Kind::Attachment.max_content_bytes();
        if padded > padded_len(max + LENGTH_BYTES as u64) {
            return Err(OpenError::TooLarge { kind: Kind::Attachment, len: padded, max });
        }
        if padded < LENGTH_BYTES as u64 || padded_len(padded) != padded {
            return Err(wrong);
        }
        let chunks = u32::try_from(chunk_count(padded)).map_err(|_| wrong)?;
        let buffered = Vec::with_capacity(SEALED_CHUNK_BYTES);
        Ok(Self { cipher, sealed_len, padded, chunks, counter: 0, buffered, true_len: 0, given: 0 })
    }

    /// Skips the chunks of which the content is at hand: the first `at_hand` bytes of `content_len`. What is at hand is not checked
    /// by this; the content's HMAC, over all of it, is what proves it.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] or [`OpenError::TrailingData`] where no content of `content_len` bytes has an envelope of this length.
    pub fn skip(&mut self, content_len: u64, at_hand: u64) -> Result<Skipped, OpenError> {
        self.true_len = content_len;
        self.check_true_len()?;
        // The content's length stands before it, in the first chunk. Whole chunks of it are never more than there are.
        let whole = (at_hand.min(content_len) + LENGTH_BYTES as u64) / CHUNK_BYTES as u64;
        self.counter = u32::try_from(whole).map_err(|_| OpenError::WrongLength { len: self.sealed_len })?;
        self.given = (whole * CHUNK_BYTES as u64).saturating_sub(LENGTH_BYTES as u64);
        Ok(Skipped { content: self.given, sealed: HEADER_BYTES as u64 + whole * SEALED_CHUNK_BYTES as u64 })
    }

    /// Takes the next bytes after the header, or after what was skipped, and appends the content that they open to `out`.
    ///
    /// # Errors
    /// [`OpenError`], each refusal by its own name.
    pub fn update(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        while !sealed.is_empty() {
            if self.counter == self.chunks {
                return Err(OpenError::TrailingData);
            }
            let length = self.next_chunk_len();
            let (now, later) = sealed.split_at(sealed.len().min(length - self.buffered.len()));
            sealed = later;
            if now.len() == length {
                self.open_chunk(now, out)?;
                continue;
            }
            self.buffered.extend_from_slice(now);
            if self.buffered.len() == length {
                let mut chunk = std::mem::take(&mut self.buffered);
                self.open_chunk(&chunk, out)?;
                chunk.clear();
                self.buffered = chunk;
            }
        }
        Ok(())
    }

    /// Confirms that nothing is missing.
    ///
    /// # Errors
    /// [`OpenError::Truncated`].
    pub fn finish(self) -> Result<(), OpenError> {
        if self.counter == self.chunks { Ok(()) } else { Err(OpenError::Truncated) }
    }

    fn next_chunk_len(&self) -> usize {
        let before = u64::from(self.counter) * CHUNK_BYTES as u64;
        let rest = usize::try_from(self.padded - before).unwrap_or(usize::MAX);
        rest.min(CHUNK_BYTES) + TAG_BYTES
    }

    /// Opens one chunk to the end of `out`, which is as before where it does not open.
    fn open_chunk(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let start = out.len();
        self.open_after(start, sealed, out).inspect_err(|_| out.truncate(start))
    }

    fn open_after(&mut self, start: usize, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let place = Place { counter: self.counter, last: self.counter + 1 == self.chunks };
        out.resize(start + sealed.len() - TAG_BYTES, 0);
        if !self.cipher.open(place, sealed, &mut out[start..]) {
            return Err(diagnose(&self.cipher, place, self.chunks, sealed));
        }
        self.counter += 1;
        if place.counter == 0 {
            let length = *out[start..].first_chunk::<LENGTH_BYTES>().ok_or(OpenError::Truncated)?;
            self.true_len = u64::from_be_bytes(length);
            self.check_true_len()?;
            out.drain(start..start + LENGTH_BYTES);
        }
        let left = usize::try_from(self.true_len - self.given).unwrap_or(usize::MAX);
        let (content, padding) = out[start..].split_at(left.min(out.len() - start));
        if padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError::BadPadding);
        }
        let length = content.len();
        self.given += length as u64;
        out.truncate(start + length);
        Ok(())
    }

    fn check_true_len(&self) -> Result<(), OpenError> {
        let max = Kind::Attachment.max_content_bytes();
        if self.true_len > max {
            return Err(OpenError::TooLarge { kind: Kind::Attachment, len: self.true_len, max });
        }
        // The first chunk is authentic, so its length is what was sealed, and it is the store that gave more or less.
        match self.sealed_len.cmp(&sealed_len(self.true_len)) {
            Ordering::Less => Err(OpenError::Truncated),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(OpenError::TrailingData),
        }
    }
}

/// What need not come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Bytes of the content, from its start.
    pub content: u64,
    /// Bytes of the envelope, header included.
    pub sealed: u64,
}

impl std::fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSealer").field("announced", &self.announced).field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for StreamOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamOpener").field("chunks", &self.chunks).field("opened", &self.counter).finish_non_exhaustive()
    }
}
