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
#[derive(PartialEq)]
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

    /// Puts the parts of one checkpoint together, in the order of their indexes; `None` if they do not fit. A part without a
    /// change fits nowhere: nobody writes one, and order could not be told across it.
    pub(super) fn join(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = Self { part: None, ..parts.next()? };
        for part in parts {
            let ((first, last), (next, end)) = (whole.ends?, part.ends?);
            if whole.frontier != part.frontier || whole.includes != part.includes || last >= next {
                return None;
            }
            whole.ends = Some((first, end));
            whole.count += part.count;
            whole.latest = whole.latest.max(part.latest);
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
            let brought_by = shared.of(&line, &self.listed);
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

/// The lines of a document that was read from its first to its last before. Nothing can be wrong with its bytes any more: this
/// panics only where there is no memory left to unpack them.
fn lines_of(document: &PackedDocument) -> impl Iterator<Item = CheckpointLine> {
    let sound = "it was read from its first line to its last before";
    let mut reader = reader(document).expect(sound);
    std::iter::from_fn(move || reader.next_line().expect(sound))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use tidegate_protocol::{ChainId, RecordId, Sha256, UserId};

    use super::*;
    use crate::envelope::{AccountDirectory, ObjectContext, ObjectName, open_signed_packed, seal_signed};
    use crate::keys::{Certificate, DeviceKey, Keyring, MasterKey, SpaceKeys};
    use crate::manifest::{Chain, Change, Op, Origin, Target};

    fn space() -> Space {
        Space::Account(UserId::from_bytes([1; 16]))
    }

    /// A part with these changes, all of one segment that its frontier covers up to this floor.
    fn part(index: u64, cids: &[u8], floor: u64) -> PackedCheckpoint {
        let (user, mut rng) = (space().owner(), ChaCha20Rng::seed_from_u64(1));
        let account = MasterKey::generate(&mut rng).account_keys();
        let device = DeviceKey::generate(&mut rng);
        let certificate = Certificate::issue(&account, user, &device, &Sha256::of(b"device"), 0);
        let keys = SpaceKeys::generate(space(), &mut rng);
        let (mut keyring, mut directory) = (Keyring::new(), AccountDirectory::new());
        keyring.insert(keys.clone());
        directory.insert(user, 0, *account.public().ed25519());

        let chain = Chain { device_id: certificate.device(), chain: ChainId::new(7) };
        let mut frontier = Frontier::default();
        frontier.raise_floor(chain, floor);
        let Chain { device_id, chain } = chain;
        let segment = SegmentRef { device_id, chain, seq: 1, digest: Digest::of(b"segment") };
        let line = |cid: &u8| {
            let change = Change {
                cid: Cid::from_bytes([*cid; 16]),
                target: Target::Record(RecordId::from_bytes([*cid; 16])),
                op: Op::Delete,
                version: 2,
                supersedes: vec![Cid::from_bytes([0xee; 16])],
                hlc: Hlc::default(),
                kept: false,
                meta: Arc::default(),
                content_hmac: None,
                location: None,
                sha256: None,
                size: 0,
                relocates: Vec::new(),
                extra: serde_json::Map::new(),
            };
            CheckpointLine::new(change, [Origin { segment, stored_at: None }])
        };
        let part = Some(Part { group: ChainId::new(9), index, count: 3 });
        let lines = cids.iter().map(line).collect();
        let document = Checkpoint { frontier, checkpoints: BTreeSet::new(), part, lines }.to_ndjson().unwrap();
        let context = ObjectContext { space: space(), name: ObjectName::Checkpoint };
        let sealed = seal_signed(keys.key(), &context, &document, &device, &certificate, &mut rng).unwrap();
        let opened = open_signed_packed(&keyring, &directory, &context, &sealed).unwrap();
        PackedCheckpoint::check(opened, space()).unwrap()
    }

    fn joined(parts: [PackedCheckpoint; 3]) -> Option<Vec<u8>> {
        let joined = PackedCheckpoint::join(parts)?;
        let cids: Vec<u8> = joined.unpack().lines.iter().map(|line| line.change.cid.as_bytes()[0]).collect();
        Some(cids)
    }

    #[test]
    fn parts_that_follow_each_other_are_one_checkpoint() {
        assert_eq!(joined([part(0, &[1, 2], 1), part(1, &[3], 1), part(2, &[4, 9], 1)]), Some(vec![1, 2, 3, 4, 9]));
    }

    #[test]
    fn parts_that_overlap_or_stand_in_another_order_are_none() {
        assert_eq!(joined([part(0, &[1, 2], 1), part(1, &[2, 3], 1), part(2, &[4], 1)]), None);
        assert_eq!(joined([part(0, &[3], 1), part(1, &[1, 2], 1), part(2, &[4], 1)]), None);
        assert_eq!(joined([part(0, &[1], 1), part(1, &[5, 9], 1), part(2, &[6, 10], 1)]), None);
    }

    #[test]
    fn no_order_is_told_across_a_part_without_a_change() {
        assert_eq!(joined([part(0, &[], 1), part(1, &[5, 9], 1), part(2, &[1, 7], 1)]), None);
        assert_eq!(joined([part(0, &[5, 9], 1), part(1, &[], 1), part(2, &[1, 7], 1)]), None);
        assert_eq!(joined([part(0, &[1], 1), part(1, &[2], 1), part(2, &[], 1)]), None);
    }

    #[test]
    fn parts_of_other_frontiers_are_none() {
        assert_eq!(joined([part(0, &[1], 1), part(1, &[2], 2), part(2, &[3], 1)]), None);
    }
}
