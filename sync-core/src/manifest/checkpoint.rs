//! A checkpoint: a whole state with its frontier, as NDJSON that can be streamed in and out.
//!
//! The first line is the header; every other line is one change with the segments that brought it, in ascending order of cid.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_protocol::Digest;

use super::chain::Origin;
use super::change::Change;
use super::format::{FORMAT, FormatError, MAX_CHECKPOINT_BYTES, category, check_format, check_size};
use super::frontier::Frontier;

const DOCUMENT: &str = "checkpoint";

/// The document inside a checkpoint's envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What its author had merged.
    pub frontier: Frontier,
    /// The checkpoints that its author had merged.
    pub checkpoints: BTreeSet<Digest>,
    /// The changes present, in ascending order of cid.
    pub lines: Vec<CheckpointLine>,
}

/// One change in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointLine {
    /// The change.
    pub change: Change,
    /// The segments that brought it, at least one, in ascending order.
    pub brought_by: BTreeSet<Origin>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u64,
    frontier: Frontier,
    checkpoints: BTreeSet<Digest>,
    changes: u64,
}

impl Checkpoint {
    /// Writes the NDJSON; every line ends in a line feed.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] over 64 MiB; the state is then split by record id.
    pub fn to_ndjson(&self) -> Result<Vec<u8>, FormatError> {
        let header = Header {
            format: FORMAT,
            frontier: self.frontier.clone(),
            checkpoints: self.checkpoints.clone(),
            changes: self.lines.len() as u64,
        };
        let mut out = serde_json::to_vec(&header).expect("a header has only string keys and finite numbers");
        out.push(b'\n');
        for line in &self.lines {
            serde_json::to_writer(&mut out, line).expect("a change has only string keys and finite numbers");
            out.push(b'\n');
        }
        check_size(DOCUMENT, out.len() as u64, MAX_CHECKPOINT_BYTES as u64)?;
        Ok(out)
    }

    /// Reads a checkpoint's NDJSON; signature and seal were checked before.
    ///
    /// # Errors
    /// [`FormatError::Newer`] for a later format, else the first mistake; a checkpoint cut short is one.
    pub fn parse(ndjson: &[u8]) -> Result<Self, FormatError> {
        check_size(DOCUMENT, ndjson.len() as u64, MAX_CHECKPOINT_BYTES as u64)?;
        let malformed = |reason: &str| FormatError::malformed(DOCUMENT, reason);
        let body = ndjson.strip_suffix(b"\n").ok_or_else(|| malformed("it does not end with a line feed"))?;
        let mut lines = body.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        check_format(DOCUMENT, first, MAX_CHECKPOINT_BYTES)?;
        let header: Header = serde_json::from_slice(first).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
        let lines = lines.map(|line| read_line(line, &header.frontier)).collect::<Result<Vec<_>, _>>()?;
        if lines.len() as u64 != header.changes {
            return Err(malformed("it holds another number of changes than its header says"));
        }
        if !lines.windows(2).all(|pair| pair[0].change.cid < pair[1].change.cid) {
            return Err(malformed("its changes are not in ascending order"));
        }
        Ok(Self { frontier: header.frontier, checkpoints: header.checkpoints, lines })
    }
}

fn read_line(line: &[u8], frontier: &Frontier) -> Result<CheckpointLine, FormatError> {
    let line: CheckpointLine =
        serde_json::from_slice(line).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
    line.change.check()?;
    if line.brought_by.is_empty() || !line.brought_by.iter().all(|origin| frontier.covers(&origin.segment)) {
        return Err(FormatError::malformed(DOCUMENT, "a change was brought by no segment that the frontier covers"));
    }
    Ok(line)
}
