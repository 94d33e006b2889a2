//! A file that somebody kept: which of the forms it has is seen from the file itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{Answer, AnswerError, decode_answer};
use crate::record::{ByteOrder, RECORD_BYTES, decode_records};

/// Why a file is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// It begins like JSON and is none.
    #[error("the file is not valid JSON")]
    Json(#[source] serde_json::Error),
    /// JSON, but no answer of the service.
    #[error("the JSON is no answer of the service")]
    Answer(#[source] AnswerError),
    /// A line of hex digits that are no whole records.
    #[error("line {line} has {bytes} bytes, not whole records of 26")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Bytes that it has.
        bytes: usize,
    },
    /// Bytes that are no whole records.
    #[error("the file has {bytes} bytes, not whole records of 26")]
    Length {
        /// How many it has.
        bytes: usize,
    },
}

/// Reads an archive: an answer of the service in JSON; or records, raw, in base64, or as lines of hex digits (`#` begins a remark).
///
/// # Errors
/// If the file has none of these forms.
pub fn decode_archive(file: &[u8], order: ByteOrder) -> Result<Answer, ArchiveError> {
    let text = std::str::from_utf8(file).ok().map(|text| text.trim_start_matches('\u{feff}').trim());
    match text {
        Some("") => Err(ArchiveError::Empty),
        Some(text) if text.starts_with(['{', '[']) => {
            decode_answer(&serde_json::from_str(text).map_err(ArchiveError::Json)?).map_err(ArchiveError::Answer)
        }
        Some(text) if is_hex(text) => from_hex(text, order),
        Some(text) => from_bytes(&from_base64(text).unwrap_or_else(|| file.to_vec()), order),
        None => from_bytes(file, order),
    }
}

/// What is left of each line without its remark.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split_once('#').map_or(line, |(hex, _)| hex).trim())
}

fn is_hex(text: &str) -> bool {
    lines(text).all(|line| line.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b' '))
}

fn from_hex(text: &str, order: ByteOrder) -> Result<Answer, ArchiveError> {
    let mut answer = Answer::default();
    for (index, line) in lines(text).enumerate() {
        let digits: String = line.chars().filter(|char| *char != ' ').collect();
        let bytes = hex::decode(&digits).unwrap_or_default();
        if !digits.len().is_multiple_of(2) || !bytes.len().is_multiple_of(RECORD_BYTES) {
            return Err(ArchiveError::Line { line: index + 1, bytes: digits.len() / 2 });
        }
        answer.events.extend(decode_records(&bytes, order).0);
    }
    Ok(answer)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let joined: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(joined.trim_matches('"')).ok().filter(|bytes| bytes.len().is_multiple_of(RECORD_BYTES))
}

fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Answer, ArchiveError> {
    let (events, left) = decode_records(bytes, order);
    if left != 0 {
        return Err(ArchiveError::Length { bytes: bytes.len() });
    }
    Ok(Answer { events, ..Answer::default() })
}
