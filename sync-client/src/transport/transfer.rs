//! Large objects: read and written in a stream, in parts where they are long.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
use tidegate_protocol::{ObjectKey, Sha256};

use super::http::{Incoming, Opened};
use super::payload::FileSlice;
use super::{PutCondition, PutOutcome, store_answer};
use crate::error::Error;

/// Names an upload in parts, as the store or the broker does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UploadId(pub String);

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadId(***)")
    }
}

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// From 1.
    pub number: u32,
    /// Length in bytes.
    pub length: u64,
    /// Hash of its bytes, where the store tells it.
    pub sha256: Option<Sha256>,
}

/// How an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// It goes on; the store has these parts, by number.
    Open(Vec<StoredPart>),
    /// The object is whole.
    Stored,
    /// There is no such upload any more, and no object.
    Gone,
}

/// The outcome of ending an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The object is whole.
    Stored,
    /// A part is missing, or is another one.
    PartsDiffer,
    /// There is no such upload any more, and no object.
    Gone,
}

/// The outcome of opening an object.
#[derive(Debug)]
pub enum OpenOutcome {
    /// Its bytes, as they come.
    Opened(Box<ObjectStream>),
    /// There is no such object.
    Missing,
    /// The object ends before the byte asked for.
    TooShort,
}

/// The bytes of an object as they come.
#[derive(Debug)]
pub struct ObjectStream {
    /// Where the first byte to come lies in the object; 0 from a store that knows no ranges.
    pub offset: u64,
    /// Whether the store answered with the range that was asked for, and not with the whole object.
    pub is_range: bool,
    /// Length of the whole object, where the store tells it.
    pub length: Option<u64>,
    incoming: Incoming,
}

impl ObjectStream {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// Class retry where the connection ends early: open the object again from where the bytes ended.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.incoming.next().await
    }
}

/// What a way to the objects does with large ones. As with [`super::Transport`], each call repeats by itself what is worth
/// repeating; a body that broke off is read from its file again.
#[async_trait]
pub trait Transfer {
    /// Opens an object from a byte on, up to another one or to its end.
    ///
    /// # Errors
    /// As [`super::Transport::get`].
    async fn open(&self, key: &ObjectKey, from: u64, to: Option<u64>) -> Result<OpenOutcome, Error>;

    /// Writes an object from a file.
    ///
    /// # Errors
    /// As [`super::Transport::put`].
    async fn put_file(&self, key: &ObjectKey, body: &FileSlice, condition: &PutCondition) -> Result<PutOutcome, Error>;

    /// Begins to write an object of so many bytes in parts; `sha256` is the hash over its parts' hashes.
    ///
    /// # Errors
    /// As [`super::Transport::put`].
    async fn create_upload(&self, key: &ObjectKey, length: u64, sha256: &Sha256) -> Result<UploadId, Error>;

    /// Writes one part, from 1; one that is there is replaced.
    ///
    /// # Errors
    /// As [`super::Transport::put`].
    async fn put_part(&self, key: &ObjectKey, upload: &UploadId, number: u32, body: &FileSlice) -> Result<(), Error>;

    /// What the store has of an upload.
    ///
    /// # Errors
    /// As [`super::Transport::get`].
    async fn upload_state(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadState, Error>;

    /// Makes the object whole from its parts, of which these are the hashes. May be repeated.
    ///
    /// # Errors
    /// As [`super::Transport::put`].
    async fn complete_upload(&self, key: &ObjectKey, upload: &UploadId, parts: &[Sha256]) -> Result<CompleteOutcome, Error>;

    /// Ends an upload and takes its parts away, if there is one.
    ///
    /// # Errors
    /// As [`super::Transport::put`].
    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), Error>;
}

/// What the answer to a GET that is read in a stream means.
pub(super) fn opened(opened: Opened) -> Result<OpenOutcome, Error> {
    let Opened { answer, body } = opened;
    let Some(incoming) = body else {
        return match answer.status {
            StatusCode::NOT_FOUND if !answer.is_of_somebody_else() => {
                store_answer::missing(&answer).map(|()| OpenOutcome::Missing)
            }
            StatusCode::RANGE_NOT_SATISFIABLE if !answer.is_of_somebody_else() => Ok(OpenOutcome::TooShort),
            _ => Err(store_answer::refusal(&answer)),
        };
    };
    store_answer::etag(&answer)?;
    let is_range = answer.status == StatusCode::PARTIAL_CONTENT;
    let (offset, length) = if is_range {
        let range = answer.header(&CONTENT_RANGE).and_then(content_range);
        range.ok_or_else(|| answer.malformed("part of an object, without saying which"))?
    } else {
        (0, answer.header(&CONTENT_LENGTH).and_then(|text| text.parse().ok()))
    };
    Ok(OpenOutcome::Opened(Box::new(ObjectStream { offset, is_range, length, incoming })))
}

/// The value of `Range` for these bytes (RFC 9110, section 14.1.2); `None` for all of them.
pub(super) fn range_from(from: u64, to: Option<u64>) -> Option<String> {
    match to {
        Some(to) => Some(format!("bytes={from}-{}", to.saturating_sub(1))),
        None if from > 0 => Some(format!("bytes={from}-")),
        None => None,
    }
}

/// First byte and whole length of `Content-Range` (RFC 9110, section 14.4).
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.parse().ok()?, whole.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_says_where_the_part_begins() {
        assert_eq!(content_range("bytes 7-9/10"), Some((7, Some(10))));
        assert_eq!(content_range("bytes 7-9/*"), Some((7, None)));
        assert_eq!(content_range("bytes */10"), None);
        assert_eq!(content_range("lines 7-9/10"), None);
    }

    #[test]
    fn a_range_names_its_last_byte() {
        assert_eq!(range_from(0, None), None);
        assert_eq!(range_from(7, None).as_deref(), Some("bytes=7-"));
        assert_eq!(range_from(0, Some(8)).as_deref(), Some("bytes=0-7"));
    }
}
