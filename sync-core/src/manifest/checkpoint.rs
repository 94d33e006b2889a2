//! A checkpoint: a whole state with its frontier, as NDJSON that can be streamed in and out.
//!
//! The first line is the header; every other line is one change with the segments that brought it, in ascending order of cid.
//! A state over [`CHECKPOINT_PART_BYTES`] is written as several documents, each with the same frontier and a part of the
//! changes. One part alone says nothing: what it lacks is in the others, and must not be taken for purged. So a reader
//! merges them all at once or none.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidegate_protocol::{ChainId, Digest};

use super::chain::Origin;
use super::change::Change;
use super::checkpoint_reader::CheckpointReader;
use super::format::{FORMAT, FormatError, MAX_CHECKPOINT_BYTES, check_size};
use super::frontier::Frontier;
use super::shared::Shared;

pub(super) const DOCUMENT: &str = "checkpoint";

/// How many bytes of changes stand in one document before a checkpoint is written in parts: half its cap, so that neither
/// writing nor reading one needs more memory than that.
pub const CHECKPOINT_PART_BYTES: usize = MAX_CHECKPOINT_BYTES / 2;

/// How many parts a checkpoint has at most.
const MAX_PARTS: u64 = 10_000;

/// The document inside a checkpoint's envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What its author had merged.
    pub frontier: Frontier,
    /// The checkpoints that its author had merged.
    pub checkpoints: BTreeSet<Digest>,
    /// Which part this is, if the state was too large for one document.
    pub part: Option<Part>,
    /// The changes present, in ascending order of cid.
    pub lines: Vec<CheckpointLine>,
}

/// One of the documents that make up a checkpoint together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Random, the same for all parts of a checkpoint: 16 hex digits.
    pub group: ChainId,
    /// Which one, from 0. Their changes are in ascending order of cid from part to part.
    pub index: u64,
    /// How many there are: at least two.
    pub count: u64,
}

/// One change in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointLine {
    /// The change; shared with the state that it comes from or goes into.
    #[serde(serialize_with = "as_change", deserialize_with = "change")]
    pub change: Arc<Change>,
    /// The segments that brought it, at least one, in ascending order; shared by the changes of one segment.
    #[serde(serialize_with = "as_origins", deserialize_with = "origins")]
    pub brought_by: Arc<[Origin]>,
}

fn as_change<S: Serializer>(change: &Arc<Change>, serializer: S) -> Result<S::Ok, S::Error> {
    Change::serialize(change, serializer)
}

fn change<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Change>, D::Error> {
    Change::deserialize(deserializer).map(Arc::new)
}

fn as_origins<S: Serializer>(brought_by: &Arc<[Origin]>, serializer: S) -> Result<S::Ok, S::Error> {
    <[Origin]>::serialize(brought_by, serializer)
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[Origin]>, D::Error> {
    Vec::deserialize(deserializer).map(Arc::from)
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    format: u64,
    pub(crate) frontier: Frontier,
    pub(crate) checkpoints: BTreeSet<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<Part>,
    /// How many lines follow.
    pub(crate) changes: u64,
}

impl Header {
    /// Whether the part that it says to be is one that there can be.
    pub(super) fn is_possible(&self) -> bool {
        self.part.is_none_or(|part| (2..=MAX_PARTS).contains(&part.count) && part.index < part.count)
    }
}

impl CheckpointLine {
    /// Of one state the bytes are the same whoever writes them: the segments are brought into order.
    #[must_use]
    pub fn new(change: impl Into<Arc<Change>>, brought_by: impl IntoIterator<Item = Origin>) -> Self {
        let mut brought_by: Vec<Origin> = brought_by.into_iter().collect();
        brought_by.sort_unstable();
        brought_by.dedup();
        Self { change: change.into(), brought_by: brought_by.into() }
    }
}

impl Checkpoint {
    /// Cuts a checkpoint into documents of about so many bytes each, all under one group.
    #[must_use]
    pub fn into_parts(self, part_bytes: usize, group: ChainId) -> Vec<Self> {
        let (mut begins, mut bytes) = (Vec::new(), 0);
        for (index, line) in self.lines.iter().enumerate() {
            let length = serde_json::to_vec(line).map_or(0, |json| json.len() + 1);
            if bytes > 0 && bytes + length > part_bytes {
                begins.push(index);
                bytes = 0;
            }
            bytes += length;
        }
        // Cut off from the end, so that no line is held twice.
        let mut lines = self.lines;
        let mut chunks: Vec<Vec<CheckpointLine>> = begins.into_iter().rev().map(|begin| lines.split_off(begin)).collect();
        chunks.push(lines);
        chunks.reverse();
        let count = chunks.len() as u64;
        let part = |index: usize| (count > 1).then_some(Part { group, index: index as u64, count });
        let documents = chunks.into_iter().enumerate().map(|(index, lines)| Self {
            frontier: self.frontier.clone(),
            checkpoints: self.checkpoints.clone(),
            part: part(index),
            lines,
        });
        documents.collect()
    }

    /// Writes the NDJSON; every line ends in a line feed.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] over 64 MiB; the state is then split by record id.
    pub fn to_ndjson(&self) -> Result<Vec<u8>, FormatError> {
        let header = Header {
            format: FORMAT,
            frontier: self.frontier.clone(),
            checkpoints: self.checkpoints.clone(),
            part: self.part,
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
        let mut reader = CheckpointReader::begin(ndjson, ndjson.len() as u64)?;
        let (mut lines, mut shared) = (Vec::new(), Shared::default());
        while let Some(line) = reader.next_line()? {
            lines.push(shared.share(line));
        }
        let Header { frontier, checkpoints, part, .. } = reader.into_header();
        Ok(Self { frontier, checkpoints, part, lines })
    }
}
