//! A sealed file read as its content, each piece checked before it is given out.

use std::fs::File;
use std::io::{self, Read};

use tidegate_protocol::{ContentHmac, Space};
use tidegate_sync_core::envelope::{HEADER_BYTES, OpenError, StreamOpener};
use tidegate_sync_core::keys::Keyring;

use super::seal::PIECE_BYTES;

/// The content of a sealed file. Only at its end is it known to be complete.
#[derive(Debug)]
pub(crate) struct SealedReader {
    file: File,
    opener: Option<StreamOpener>,
    sealed: Vec<u8>,
    content: Vec<u8>,
    given: usize,
}

impl SealedReader {
    /// Begins to read a file from its start.
    ///
    /// # Errors
    /// Of kind invalid data where it does not begin as the sealed file of this content; the inner error is an [`OpenError`].
    pub(crate) fn new(mut file: File, keyring: &Keyring, space: Space, hmac: ContentHmac) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut head = [0; HEADER_BYTES];
        file.read_exact(&mut head)?;
        let opener = StreamOpener::begin(keyring, space, hmac, &head, length).map_err(damaged)?;
        Ok(Self { file, opener: Some(opener), sealed: vec![0; PIECE_BYTES], content: Vec::new(), given: 0 })
    }

    fn refill(&mut self) -> io::Result<bool> {
        self.content.clear();
        self.given = 0;
        while self.content.is_empty() {
            let Some(opener) = self.opener.as_mut() else { return Ok(false) };
            let read = self.file.read(&mut self.sealed)?;
            if read > 0 {
                opener.update(&self.sealed[..read], &mut self.content).map_err(damaged)?;
            } else if let Some(opener) = self.opener.take() {
                opener.finish().map_err(damaged)?;
            }
        }
        Ok(true)
    }
}

impl Read for SealedReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.content.len() && !self.refill()? {
            return Ok(0);
        }
        let ready = &self.content[self.given..];
        let taken = ready.len().min(out.len());
        out[..taken].copy_from_slice(&ready[..taken]);
        self.given += taken;
        Ok(taken)
    }
}

/// The code of the check that a sealed file did not pass, if it is the file that is wrong.
pub(crate) fn damage(error: &io::Error) -> Option<&'static str> {
    if let Some(found) = error.get_ref().and_then(|inner| inner.downcast_ref::<OpenError>()) {
        return Some(found.code());
    }
    let is = |kind: io::ErrorKind| error.kind() == kind;
    let ended = is(io::ErrorKind::UnexpectedEof).then_some("envelope-truncated");
    ended.or_else(|| is(io::ErrorKind::NotFound).then_some("content-not-local"))
}

fn damaged(error: OpenError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
