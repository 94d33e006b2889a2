//! A content that was opened and stays packed: of a long history, the text is several times as large.

use std::io::{self, Read};

use super::compress::unpacking;

/// What an envelope holds, to be read from its start as often as is needed.
#[derive(PartialEq)]
pub(crate) struct Packed {
    stored: Vec<u8>,
    is_raw: bool,
    true_len: usize,
}

impl Packed {
    /// A content that was stored as it is.
    pub(super) const fn raw(content: Vec<u8>) -> Self {
        let true_len = content.len();
        Self { stored: content, is_raw: true, true_len }
    }

    /// One zstd frame, which claims to hold so many bytes.
    pub(super) const fn zstd(frame: Vec<u8>, true_len: usize) -> Self {
        Self { stored: frame, is_raw: false, true_len }
    }

    /// The content's length in bytes, as it claims.
    pub(super) const fn len(&self) -> usize {
        self.true_len
    }

    /// The content.
    pub(super) fn read(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(if self.is_raw { Box::new(self.stored.as_slice()) } else { Box::new(unpacking(&self.stored)?) })
    }
}
