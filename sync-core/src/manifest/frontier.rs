//! The coverage rule: what has been merged. For each chain a floor, and the segments merged above it.
//!
//! A segment is covered if its digest is in the set or its number is not above the floor; a stored segment that is not
//! covered is new. How a floor rises is [`super::floor`]'s matter.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_protocol::{ChainId, DeviceId, Digest};

use super::chain::{Chain, SegmentRef};
use super::format::MAX_NUMBER;
use crate::planted::{self, Bug};

/// The digest before all others.
const LEAST: Digest = Digest::from_bytes([0; 16]);

/// What has been merged of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainFrontier {
    floor: u64,
    above: BTreeSet<(u64, Digest)>,
}

/// What has been merged of all chains of a space.
///
/// It counts digests, not only numbers: a restored backup goes on under numbers that were used before, and a frontier of
/// numbers alone would take its segments for known ones and lose them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Line>", into = "Vec<Line>")]
pub struct Frontier {
    chains: BTreeMap<Chain, ChainFrontier>,
}

impl ChainFrontier {
    /// All segments up to this number are covered, whatever their digests.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// The segments merged above the floor, in order.
    pub fn above(&self) -> impl DoubleEndedIterator<Item = (u64, Digest)> + '_ {
        self.above.iter().copied()
    }

    /// The greatest number covered.
    #[must_use]
    pub fn tip(&self) -> u64 {
        self.above.last().map_or(self.floor, |(seq, _)| *seq)
    }

    /// Whether a segment of this number was merged.
    #[must_use]
    pub fn has_number(&self, seq: u64) -> bool {
        seq <= self.floor || self.digests(seq).next().is_some()
    }

    /// Whether two segments above the floor claim this number.
    #[must_use]
    pub fn is_forked(&self, seq: u64) -> bool {
        self.digests(seq).nth(1).is_some()
    }

    /// The digests merged above the floor under this number.
    pub fn digests(&self, seq: u64) -> impl Iterator<Item = Digest> + '_ {
        let from = self.above.range((seq, LEAST)..);
        from.take_while(move |(number, _)| *number == seq).map(|(_, digest)| *digest)
    }

    fn raise_floor(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        let floor = self.floor;
        self.above.retain(|(seq, _)| *seq > floor);
    }
}

impl Frontier {
    /// Whether this segment was merged: its digest is known, or its number is not above the floor.
    #[must_use]
    pub fn covers(&self, segment: &SegmentRef) -> bool {
        let by_number = |chain: &ChainFrontier| planted::is(Bug::CoverageByNumber) && chain.has_number(segment.seq);
        self.chains.get(&segment.of_chain()).is_some_and(|chain| {
            segment.seq <= chain.floor || chain.above.contains(&(segment.seq, segment.digest)) || by_number(chain)
        })
    }

    /// Takes note of a merged segment.
    pub fn insert(&mut self, segment: &SegmentRef) {
        if !self.covers(segment) {
            self.chains.entry(segment.of_chain()).or_default().above.insert((segment.seq, segment.digest));
        }
    }

    /// Lets a floor rise; it never sinks.
    pub fn raise_floor(&mut self, chain: Chain, floor: u64) {
        if floor > 0 {
            self.chains.entry(chain).or_default().raise_floor(floor);
        }
    }

    /// Covers all that either covers.
    pub fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.chains {
            let ours = self.chains.entry(*name).or_default();
            ours.above.extend(theirs.above.iter().copied());
            ours.raise_floor(theirs.floor);
        }
    }

    /// The chains, in order.
    pub fn chains(&self) -> impl Iterator<Item = (&Chain, &ChainFrontier)> {
        self.chains.iter()
    }

    /// One chain.
    #[must_use]
    pub fn chain(&self, chain: &Chain) -> Option<&ChainFrontier> {
        self.chains.get(chain)
    }

    /// The segments after which nothing was merged: the last of each chain, and all that share their number with another.
    ///
    /// A chain that was cloned is a tree. Where one branch is longer, the greatest number alone would leave the end of the
    /// other one out: whoever reads what was built upon both would not know that it has to wait for it. A number that two
    /// segments claim tells that there is a branch, so all that claim it are named.
    #[must_use]
    pub fn tips(&self) -> BTreeSet<SegmentRef> {
        let of_chain = |(name, chain): (&Chain, &ChainFrontier)| {
            let (tip, name) = (chain.tip(), *name);
            let last: Vec<_> = chain.above.iter().copied().filter(|(seq, _)| *seq == tip || chain.is_forked(*seq)).collect();
            last.into_iter().map(move |(seq, digest)| segment_ref(name, seq, digest))
        };
        self.chains.iter().flat_map(of_chain).collect()
    }

    /// All segments merged above the floors, in order.
    pub fn segments(&self) -> impl Iterator<Item = SegmentRef> + '_ {
        let of_chain = |(name, chain): (&Chain, &ChainFrontier)| {
            let (name, above) = (*name, chain.above.clone());
            above.into_iter().map(move |(seq, digest)| segment_ref(name, seq, digest))
        };
        self.chains.iter().flat_map(of_chain)
    }

    /// Whether all that the other covers is covered here too.
    #[must_use]
    pub fn reaches(&self, other: &Self) -> bool {
        other.chains.iter().all(|(name, theirs)| {
            let floor = self.chains.get(name).map_or(0, |ours| ours.floor);
            let has_floor = theirs.floor <= floor || (floor + 1..=theirs.floor).all(|seq| self.has_number(name, seq));
            has_floor && theirs.above.iter().all(|(seq, digest)| self.covers(&segment_ref(*name, *seq, *digest)))
        })
    }

    fn has_number(&self, name: &Chain, seq: u64) -> bool {
        self.chains.get(name).is_some_and(|chain| chain.has_number(seq))
    }

    /// At most `count` of the last segments of each chain.
    #[must_use]
    pub fn recent(&self, count: usize) -> BTreeSet<SegmentRef> {
        let of_chain = |(name, chain): (&Chain, &ChainFrontier)| {
            let name = *name;
            let last: Vec<_> = chain.above.iter().rev().take(count).copied().collect();
            last.into_iter().map(move |(seq, digest)| segment_ref(name, seq, digest))
        };
        self.chains.iter().flat_map(of_chain).collect()
    }

    /// Whether nothing was merged yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }
}

const fn segment_ref(name: Chain, seq: u64, digest: Digest) -> SegmentRef {
    SegmentRef { device_id: name.device_id, chain: name.chain, seq, digest }
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    device_id: DeviceId,
    chain: ChainId,
    floor: u64,
    above: Vec<Numbered>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Numbered {
    seq: u64,
    digest: Digest,
}

impl From<Frontier> for Vec<Line> {
    fn from(frontier: Frontier) -> Self {
        let line = |(name, chain): (Chain, ChainFrontier)| Line {
            device_id: name.device_id,
            chain: name.chain,
            floor: chain.floor,
            above: chain.above.into_iter().map(|(seq, digest)| Numbered { seq, digest }).collect(),
        };
        frontier.chains.into_iter().map(line).collect()
    }
}

impl TryFrom<Vec<Line>> for Frontier {
    type Error = &'static str;

    fn try_from(lines: Vec<Line>) -> Result<Self, &'static str> {
        let mut frontier = Self::default();
        for line in lines {
            let chain = Chain { device_id: line.device_id, chain: line.chain };
            if line.floor > MAX_NUMBER || line.above.iter().any(|above| above.seq > MAX_NUMBER || above.seq <= line.floor) {
                return Err("a frontier's numbers lie above its floor and are at most 2^53 - 1");
            }
            if line.floor == 0 && line.above.is_empty() {
                return Err("a frontier names only chains of which something is merged");
            }
            let above = line.above.into_iter().map(|above| (above.seq, above.digest)).collect();
            if frontier.chains.insert(chain, ChainFrontier { floor: line.floor, above }).is_some() {
                return Err("a frontier names each chain once");
            }
        }
        Ok(frontier)
    }
}
