//! A checkpoint that is believed, kept packed as it came: for a device that joins, its changes go on to the rows one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use tidegate_protocol::{Digest, Space};

use crate::clock::Hlc;
use crate::envelope::PackedDocument;
use crate::manifest::{
    Checkpoint, CheckpointLine, CheckpointReader, Cid, FormatError, Frontier, Part, SegmentRef, Shared, Timestamp,
};
use crate::quarantine::Reason;
use crate::state::{Present, SharedOrigins};

type Reader<'a> = CheckpointReader<Box<dyn BufRead + 'a>>;

/// A checkpoint, or some parts of one in their order, read once from the first line to the last.
#[derive(Clone, PartialEq)]
pub(super) struct PackedCheckpoint {
    pub(super) frontier: Frontier,
    /// The checkpoints that it includes.
    pub(super) includes: BTreeSet<Digest>,
    pub(super) part: Option<Part>,
    /// How many changes there are.
    pub(super) count: u64,
    /// The latest time of any of them.
    pub(super) latest: Hlc,
    /// The first of them and the last.
    ends: Option<(Cid, Cid)>,
    documents: Vec<PackedDocument>,
}

impl PackedCheckpoint {
    /// Reads a document once: everything in it must be sound, and lie in this space.
    pub(super) fn check(document: PackedDocument, space: Space) -> Result<Self, Reason> {
        let mut reader = reader(&document).map_err(|error| Reason::from(&error))?;
        let (mut count, mut latest, mut ends) = (0, Hlc::default(), None);
        while let Some(line) = reader.next_line().map_err(|error| Reason::from(&error))? {
            if !line.change.lies_in(space) {
                return Err(Reason::WrongSpace);
            }
            let cid = line.change.cid;
            ends = Some((ends.map_or(cid, |(first, _)| first), cid));
            latest = latest.max(line.change.hlc);
            count += 1;
        }
        let header = reader.into_header();
        let (frontier, includes, part) = (header.frontier, header.checkpoints, header.part);
        Ok(Self { frontier, includes, part, count, latest, ends, documents: vec![document] })
    }

    /// Puts the parts of one checkpoint together, in the order of their indexes; `None` if they do not fit.
    pub(super) fn join(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = Self { part: None, ..parts.next()? };
        for part in parts {
            let follows = whole.ends.map(|(_, last)| last) < part.ends.map(|(first, _)| first);
            if whole.frontier != part.frontier || whole.includes != part.includes || !follows {
                return None;
            }
            whole.count += part.count;
            whole.latest = whole.latest.max(part.latest);
            whole.ends = whole.ends.zip(part.ends).map(|((first, _), (_, last))| (first, last));
            whole.documents.extend(part.documents);
        }
        Some(whole)
    }

    /// All of it, in memory.
    pub(super) fn unpack(self) -> Checkpoint {
        let mut shared = Shared::default();
        let lines = self.documents.iter().flat_map(lines_of).map(|line| shared.share(line)).collect();
        Checkpoint { frontier: self.frontier, checkpoints: self.includes, part: None, lines }
    }
}

/// The changes of a checkpoint, still packed. Copies share what they hold.
#[derive(Clone, PartialEq)]
pub struct PackedChanges {
    checkpoint: Arc<PackedCheckpoint>,
    /// When the store says that it took the segments that brought them.
    listed: Arc<BTreeMap<SegmentRef, Option<Timestamp>>>,
}

impl PackedChanges {
    pub(super) fn new(checkpoint: PackedCheckpoint, listed: BTreeMap<SegmentRef, Option<Timestamp>>) -> Self {
        Self { checkpoint: Arc::new(checkpoint), listed: Arc::new(listed) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.checkpoint.count
    }

    /// The changes, unpacked one after the other, in ascending order of cid.
    pub fn iter(&self) -> impl Iterator<Item = Present> {
        let mut shared = SharedOrigins::default();
        self.checkpoint.documents.iter().flat_map(lines_of).map(move |line| {
            let mut brought_by = shared.of(&line);
            brought_by.take_listed_times(&self.listed);
            Present { change: line.change, brought_by }
        })
    }
}

impl fmt::Debug for PackedChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes, packed", self.count())
    }
}

impl fmt::Debug for PackedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a checkpoint of {} changes, packed", self.count)
    }
}

fn reader(document: &PackedDocument) -> Result<Reader<'_>, FormatError> {
    let text = document.read().map_err(|_| FormatError::malformed("checkpoint", "it cannot be unpacked"))?;
    CheckpointReader::begin(Box::new(BufReader::new(text)), document.len() as u64)
}

/// The lines of a document that was read from its first to its last before.
fn lines_of(document: &PackedDocument) -> impl Iterator<Item = CheckpointLine> {
    let sound = "it was read from its first line to its last before";
    let mut reader = reader(document).expect(sound);
    std::iter::from_fn(move || reader.next_line().expect(sound))
}
