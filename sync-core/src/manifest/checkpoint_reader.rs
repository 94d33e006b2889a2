//! A checkpoint read line by line: of a long history, neither the text nor the changes need ever be in memory together.

use std::io::BufRead;

use super::change::Cid;
use super::checkpoint::{CheckpointLine, DOCUMENT, Header};
use super::format::{FormatError, MAX_CHECKPOINT_BYTES, category, check_format, check_size};
use super::frontier::Frontier;

/// Reads a checkpoint's NDJSON from its start. What was read is sound only when all of it was: its header says how many lines there
/// are.
#[derive(Debug)]
pub(crate) struct CheckpointReader<R> {
    text: R,
    header: Header,
    line: Vec<u8>,
    read: u64,
    last: Option<Cid>,
}

impl<R: BufRead> CheckpointReader<R> {
    /// Reads the header of a text of so many bytes.
    pub(crate) fn begin(mut text: R, bytes: u64) -> Result<Self, FormatError> {
        check_size(DOCUMENT, bytes, MAX_CHECKPOINT_BYTES as u64)?;
        let mut line = Vec::new();
        if !read_line(&mut text, &mut line)? {
            return Err(without_end());
        }
        check_format(DOCUMENT, &line, MAX_CHECKPOINT_BYTES)?;
        let header: Header = serde_json::from_slice(&line).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
        if !header.is_possible() {
            return Err(FormatError::malformed(DOCUMENT, "it is a part that there cannot be"));
        }
        Ok(Self { text, header, line, read: 0, last: None })
    }

    /// What the first line says.
    pub(crate) fn into_header(self) -> Header {
        self.header
    }

    /// The next change; `None` after the last, if there were as many as there have to be.
    pub(crate) fn next_line(&mut self) -> Result<Option<CheckpointLine>, FormatError> {
        if !read_line(&mut self.text, &mut self.line)? {
            let is_whole = self.read == self.header.changes;
            let short = || FormatError::malformed(DOCUMENT, "it holds another number of changes than its header says");
            return if is_whole { Ok(None) } else { Err(short()) };
        }
        let line = parse_line(&self.line, &self.header.frontier)?;
        if self.last >= Some(line.change.cid) {
            return Err(FormatError::malformed(DOCUMENT, "its changes are not in ascending order"));
        }
        self.last = Some(line.change.cid);
        self.read += 1;
        Ok(Some(line))
    }
}

/// Reads a line, without its line feed; whether there was one.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, FormatError> {
    line.clear();
    let read = text.read_until(b'\n', line).map_err(|_| FormatError::malformed(DOCUMENT, "it cannot be unpacked"))?;
    if read > 0 && line.pop() != Some(b'\n') {
        return Err(without_end());
    }
    Ok(read > 0)
}

fn without_end() -> FormatError {
    FormatError::malformed(DOCUMENT, "it does not end with a line feed")
}

fn parse_line(line: &[u8], frontier: &Frontier) -> Result<CheckpointLine, FormatError> {
    let line: CheckpointLine =
        serde_json::from_slice(line).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
    line.change.check()?;
    let line = CheckpointLine::new(line.change, line.brought_by.iter().copied());
    if line.brought_by.is_empty() || !line.brought_by.iter().all(|origin| frontier.covers(&origin.segment)) {
        return Err(FormatError::malformed(DOCUMENT, "a change was brought by no segment that the frontier covers"));
    }
    Ok(line)
}
