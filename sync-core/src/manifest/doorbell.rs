//! The sync-manifest: recent segments of all chains and the checkpoints of all the account's own spaces. A poll reads it
//! alone; it is a hint, never the truth.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidegate_protocol::{Digest, MemberId, Space, UserId};

use super::chain::{Chain, SegmentRef};
use super::format::{FORMAT, FormatError, MAX_DOORBELL_BYTES, category, check_format, check_number, check_size, check_value};
use super::frontier::Frontier;

const DOCUMENT: &str = "sync-manifest";

/// How many segments of a chain are named at most: a reader that is further behind walks back along `prev` or lists.
const RECENT_PER_CHAIN: usize = 32;

/// How many segments are named at most, so that the document stays below its cap.
const RECENT_IN_ALL: usize = 1_000;

/// The JSON document inside a doorbell's envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doorbell {
    format: u64,
    spaces: Vec<SpaceBell>,
    /// Fields of later versions.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// What the doorbell says of one space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpaceBell {
    /// The family member; `null` for the account space.
    pub member_id: Option<MemberId>,
    /// Recent segments, in ascending order.
    pub segments: BTreeSet<SegmentRef>,
    /// Checkpoints, in ascending order.
    #[serde(default)]
    pub checkpoints: BTreeSet<Digest>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self { format: FORMAT, spaces: Vec::new(), extra: Map::new() }
    }
}

impl Doorbell {
    /// Reads a doorbell's JSON; signature and seal were checked before.
    ///
    /// # Errors
    /// [`FormatError::Newer`] for a later format, which must not be overwritten; else the first mistake.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        check_format(DOCUMENT, json, MAX_DOORBELL_BYTES)?;
        let doorbell: Self = serde_json::from_slice(json).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
        doorbell.check()?;
        Ok(doorbell)
    }

    /// Writes the JSON.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] over 256 KiB.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        let json = serde_json::to_vec(self).expect("a doorbell has only string keys and finite numbers");
        check_size(DOCUMENT, json.len() as u64, MAX_DOORBELL_BYTES as u64)?;
        Ok(json)
    }

    /// What it says of the spaces, in order.
    #[must_use]
    pub fn spaces(&self) -> &[SpaceBell] {
        &self.spaces
    }

    /// The segments that it names in a space.
    pub fn segments(&self, space: Space) -> impl Iterator<Item = SegmentRef> + '_ {
        let member = space.member();
        self.spaces.iter().filter(move |bell| bell.member_id == member).flat_map(|bell| bell.segments.iter().copied())
    }

    /// Adds what one knows of a space: a union, so that two devices that write at once and repeat it end up with both.
    pub fn add(&mut self, space: Space, segments: impl IntoIterator<Item = SegmentRef>) {
        let bell = self.bell(space.member());
        bell.segments.extend(segments);
    }

    /// The checkpoints that it names in a space.
    pub fn checkpoints(&self, space: Space) -> impl Iterator<Item = Digest> + '_ {
        let member = space.member();
        self.spaces.iter().filter(move |bell| bell.member_id == member).flat_map(|bell| bell.checkpoints.iter().copied())
    }

    /// Adds a checkpoint, and forgets those that it or another one includes: whoever merges it needs them no longer.
    pub fn add_checkpoint(&mut self, space: Space, checkpoint: Digest, includes: &BTreeSet<Digest>) {
        let bell = self.bell(space.member());
        bell.checkpoints.insert(checkpoint);
        bell.checkpoints.retain(|named| *named == checkpoint || !includes.contains(named));
    }

    /// Forgets checkpoints.
    pub fn forget_checkpoints(&mut self, space: Space, is_gone: impl Fn(&Digest) -> bool) {
        self.bell(space.member()).checkpoints.retain(|named| !is_gone(named));
    }

    /// Forgets the segments below the floors: a checkpoint that is *old* and still named has them.
    pub fn forget_below(&mut self, space: Space, frontier: &Frontier) {
        let is_below =
            |segment: &SegmentRef| frontier.chain(&segment.of_chain()).is_some_and(|chain| segment.seq <= chain.floor());
        self.bell(space.member()).segments.retain(|segment| !is_below(segment));
    }

    /// Whether it reaches the tips of every chain that was merged. Where it does not, a ring was lost (two writers on a store
    /// without conditional writes) or the store went back in time, and whoever sees it rings again.
    ///
    /// A tip that is not named is reached only where a checkpoint that is named has it (`is_in_checkpoint`), or where the
    /// doorbell has forgotten it as too old: then it names nothing of that chain up to that number. That a later number is
    /// named does not do; a clone may have written it.
    #[must_use]
    pub fn reaches(&self, space: Space, frontier: &Frontier, is_in_checkpoint: impl Fn(&SegmentRef) -> bool) -> bool {
        let named: BTreeSet<SegmentRef> = self.segments(space).collect();
        let mut first: BTreeMap<Chain, u64> = BTreeMap::new();
        for segment in named.iter().rev() {
            first.insert(segment.of_chain(), segment.seq);
        }
        let is_forgotten = |tip: &SegmentRef| first.get(&tip.of_chain()).is_some_and(|seq| *seq > tip.seq);
        frontier.tips().iter().all(|tip| named.contains(tip) || is_forgotten(tip) || is_in_checkpoint(tip))
    }

    /// Forgets older segments, so that the document stays below its cap: every chain keeps its last ones.
    pub fn trim(&mut self) {
        let mut limit = RECENT_PER_CHAIN;
        self.keep_recent(limit);
        while limit > 1 && self.spaces.iter().map(|bell| bell.segments.len()).sum::<usize>() > RECENT_IN_ALL {
            limit /= 2;
            self.keep_recent(limit);
        }
    }

    fn keep_recent(&mut self, limit: usize) {
        for bell in &mut self.spaces {
            let mut kept: BTreeMap<Chain, usize> = BTreeMap::new();
            let mut recent = BTreeSet::new();
            for segment in bell.segments.iter().rev() {
                let count = kept.entry(segment.of_chain()).or_default();
                *count += 1;
                if *count <= limit {
                    recent.insert(*segment);
                }
            }
            bell.segments = recent;
        }
    }

    fn bell(&mut self, member: Option<MemberId>) -> &mut SpaceBell {
        let place = self.spaces.binary_search_by_key(&member, |bell| bell.member_id);
        let index = place.unwrap_or_else(|index| {
            let bell =
                SpaceBell { member_id: member, segments: BTreeSet::new(), checkpoints: BTreeSet::new(), extra: Map::new() };
            self.spaces.insert(index, bell);
            index
        });
        &mut self.spaces[index]
    }

    /// The space that an entry stands for, in this account.
    #[must_use]
    pub const fn space_of(user: UserId, bell: &SpaceBell) -> Space {
        match bell.member_id {
            None => Space::Account(user),
            Some(member) => Space::Member(user, member),
        }
    }

    fn check(&self) -> Result<(), FormatError> {
        if !self.spaces.windows(2).all(|pair| pair[0].member_id < pair[1].member_id) {
            return Err(FormatError::malformed(DOCUMENT, "its spaces are not in ascending order"));
        }
        for bell in &self.spaces {
            for segment in &bell.segments {
                check_number(DOCUMENT, segment.seq)?;
                if segment.seq == 0 {
                    return Err(FormatError::malformed(DOCUMENT, "it names a segment without a number"));
                }
            }
            bell.extra.values().try_for_each(|value| check_value(DOCUMENT, value))?;
        }
        self.extra.values().try_for_each(|value| check_value(DOCUMENT, value))
    }
}
