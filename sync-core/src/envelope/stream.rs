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
    plaintext: Vec<u8>,
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
        Ok(Self { cipher, sealed_len, padded, chunks, counter: 0, buffered, plaintext: Vec::new(), true_len: 0, given: 0 })
    }

    /// Takes the next bytes after the header and appends the content that they open to `out`.
    ///
    /// # Errors
    /// [`OpenError`], each refusal by its own name.
    pub fn update(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        while !sealed.is_empty() {
            if self.counter == self.chunks {
                return Err(OpenError::TrailingData);
            }
            let missing = self.next_chunk_len() - self.buffered.len();
            let (now, later) = sealed.split_at(sealed.len().min(missing));
            self.buffered.extend_from_slice(now);
            sealed = later;
            if now.len() == missing {
                self.open_chunk(out)?;
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

    fn open_chunk(&mut self, out: &mut Vec<u8>) -> Result<(), OpenError> {
        let place = Place { counter: self.counter, last: self.counter + 1 == self.chunks };
        self.plaintext.resize(self.buffered.len() - TAG_BYTES, 0);
        if !self.cipher.open(place, &self.buffered, &mut self.plaintext) {
            return Err(diagnose(&self.cipher, place, self.chunks, &self.buffered));
        }
        self.buffered.clear();
        self.counter += 1;
        let mut part = self.plaintext.as_slice();
        if place.counter == 0 {
            let (length, rest) = part.split_first_chunk::<LENGTH_BYTES>().ok_or(OpenError::Truncated)?;
            self.true_len = u64::from_be_bytes(*length);
            part = rest;
            self.check_true_len()?;
        }
        let left = usize::try_from(self.true_len - self.given).unwrap_or(usize::MAX);
        let (content, padding) = part.split_at(part.len().min(left));
        if padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError::BadPadding);
        }
        self.given += content.len() as u64;
        out.extend_from_slice(content);
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
