//! What comes from the store is checked as it comes: seal, name and hash. Nothing counts before the last byte.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use bytes::Bytes;
use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::engine::StoredAttachment;
use tidegate_sync_core::envelope::{HEADER_BYTES, StreamOpener};
use tidegate_sync_core::keys::{ContentHasher, Keyring};
use tokio::sync::mpsc;

use super::folder::Temporary;
use super::hashes::ObjectHasher;
use super::seal::PIECE_BYTES;
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
    expected: Expected,
    head: Vec<u8>,
    opener: Option<StreamOpener>,
    object: ObjectHasher,
    naming: ContentHasher,
    content: Vec<u8>,
    size: u64,
    taken: u64,
}

impl Verifier {
    pub(super) fn new(expected: Expected) -> Result<Self, Error> {
        let keys = expected.keyring.current(expected.space).ok_or_else(|| expected.damaged("unknown-key"))?;
        let naming = keys.attachment_key().hasher();
        let object = ObjectHasher::new(expected.stored.size);
        Ok(Self { expected, head: Vec::new(), opener: None, object, naming, content: Vec::new(), size: 0, taken: 0 })
    }

    /// Bytes taken so far.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Checks the next bytes.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
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
        self.content.clear();
        opener.update(rest, &mut self.content).map_err(|error| self.expected.damaged(error.code()))?;
        self.naming.update(&self.content);
        self.size += self.content.len() as u64;
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

/// Writes what comes into a file, checked; at its end the file is whole and on the disk. Blocks.
pub(super) struct Writing {
    pub(super) file: Temporary,
    verifier: Verifier,
}

impl Writing {
    /// Goes on after what an earlier try has written, if that is sound.
    pub(super) fn resume(file: Temporary, expected: Expected) -> Result<Self, Error> {
        let mut writing = Self { file, verifier: Verifier::new(expected.clone())? };
        match writing.check_what_is_there() {
            Ok(()) => {}
            // It is fetched again from the first byte.
            Err(Error::ContentDamaged { .. }) => {
                writing.verifier = Verifier::new(expected)?;
                writing.handle()?.set_len(0).map_err(|error| writing.file.writing(error))?;
            }
            Err(error) => return Err(error),
        }
        let taken = writing.verifier.taken();
        writing.handle()?.seek(SeekFrom::Start(taken)).map_err(|error| writing.file.writing(error))?;
        Ok(writing)
    }

    /// How many bytes are there.
    pub(super) const fn taken(&self) -> u64 {
        self.verifier.taken()
    }

    /// Writes what comes until no more does.
    pub(super) fn run(mut self, mut pieces: mpsc::Receiver<Bytes>) -> Result<Self, Error> {
        while let Some(piece) = pieces.blocking_recv() {
            // Checked first: what is in the file is sound, so that a later try can go on with it.
            self.verifier.take(&piece)?;
            self.handle()?.write_all(&piece).map_err(|error| self.file.writing(error))?;
        }
        Ok(self)
    }

    /// Checks that it is whole, and waits until it is on the disk.
    pub(super) fn finish(self) -> Result<Temporary, (Temporary, Error)> {
        let Self { file, verifier } = self;
        let synced = verifier.finish().and_then(|()| {
            let synced = file.file().map_or(Ok(()), File::sync_all);
            synced.map_err(|error| file.writing(error))
        });
        match synced {
            Ok(()) => Ok(file),
            Err(error) => Err((file, error)),
        }
    }

    /// Takes away what is there, of an object that is not the one it has to be.
    pub(super) fn discard(self, reason: &str) -> Error {
        let Self { file, verifier } = self;
        file.discard();
        verifier.expected.damaged(reason)
    }

    fn handle(&self) -> Result<&File, Error> {
        self.file.file().ok_or_else(|| Error::bug("a temporary file without a file"))
    }

    fn check_what_is_there(&mut self) -> Result<(), Error> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = self.handle()?.read(&mut piece).map_err(|error| self.file.writing(error))?;
            if read == 0 {
                return Ok(());
            }
            self.verifier.take(&piece[..read])?;
        }
    }
}
