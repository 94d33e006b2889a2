//! A segment: the changes of one sync of one device in one space, immutable once stored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_protocol::{ChainId, DeviceId, Digest};

use super::chain::{Chain, SegmentRef};
use super::change::Change;
use super::format::{FORMAT, FormatError, MAX_SEGMENT_BYTES, category, check_format, check_number, check_size};

const DOCUMENT: &str = "segment";

/// The JSON document inside a segment's envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    format: u64,
    /// The device that wrote it.
    pub device_id: DeviceId,
    /// The chain.
    pub chain: ChainId,
    /// Its number in the chain, from 1.
    pub seq: u64,
    /// Digest of the segment before it in the chain; `None` for the first.
    pub prev: Option<Digest>,
    /// The tips of all other chains that the author had merged.
    pub seen: Vec<SegmentRef>,
    /// What the author's user did, in the order of (HLC, cid).
    pub changes: Vec<Change>,
}

impl Segment {
    /// Makes the next segment of a chain.
    #[must_use]
    pub fn new(chain: Chain, seq: u64, prev: Option<Digest>, seen: Vec<SegmentRef>, changes: Vec<Change>) -> Self {
        Self { format: FORMAT, device_id: chain.device_id, chain: chain.chain, seq, prev, seen, changes }
    }

    /// Reads a segment's JSON; signature and seal were checked before.
    ///
    /// # Errors
    /// [`FormatError::Newer`] for a later format, else the first mistake.
    pub fn parse(json: &[u8]) -> Result<Self, FormatError> {
        check_format(DOCUMENT, json, MAX_SEGMENT_BYTES)?;
        let segment: Self = serde_json::from_slice(json).map_err(|error| FormatError::malformed(DOCUMENT, category(&error)))?;
        segment.check()?;
        Ok(segment)
    }

    /// Writes the JSON.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] over 8 MiB; the caller then puts fewer changes into it.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        let json = serde_json::to_vec(self).expect("a segment has only string keys and finite numbers");
        check_size(DOCUMENT, json.len() as u64, MAX_SEGMENT_BYTES as u64)?;
        Ok(json)
    }

    /// The segment before this one in its chain.
    #[must_use]
    pub fn predecessor(&self) -> Option<SegmentRef> {
        let digest = self.prev?;
        Some(SegmentRef { device_id: self.device_id, chain: self.chain, seq: self.seq.checked_sub(1)?, digest })
    }

    fn check(&self) -> Result<(), FormatError> {
        let malformed = |reason: &str| Err(FormatError::malformed(DOCUMENT, reason));
        check_number(DOCUMENT, self.seq)?;
        if self.seq == 0 || (self.seq == 1) != self.prev.is_none() {
            return malformed("numbers begin at 1, and every segment but the first names the one before it");
        }
        for seen in &self.seen {
            check_number(DOCUMENT, seen.seq)?;
            if seen.seq == 0 {
                return malformed("it has seen a segment without a number");
            }
        }
        self.changes.iter().try_for_each(Change::check)?;
        let cids: BTreeSet<_> = self.changes.iter().map(|change| change.cid).collect();
        if cids.len() != self.changes.len() {
            return malformed("it names a change twice");
        }
        Ok(())
    }
}
