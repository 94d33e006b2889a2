//! The clone rule: is all that is seen under one's own chain one's own?
//!
//! Of its own chain a device knows the number and digest of the last segment that it has stored. Anything else under that
//! chain was written by somebody with the same disk: the device before it was restored from a backup, or its clone. Then it
//! draws a new chain and marks its outbox doubtful. On the old chain its next segment would claim a number that the other
//! one has used: a reader that has raised its floor over that number takes it for covered, and its edits are lost. And
//! without the doubt it would send edits a second time that the other one has sent, after they were replaced and purged.
//!
//! The doorbell and a listing alone do not do: when the segments are collected, only the frontier of a checkpoint still
//! says that they have been.

use tidegate_protocol::DeviceId;

use super::persist::{BuiltSegment, OwnChain};
use crate::manifest::{Chain, ChainFrontier, SegmentRef};
use crate::state::LATE_MS;

/// What shows that another one writes, or has written, under the own chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fork {
    /// A segment that this device, as it remembers itself, did not write.
    Foreign(SegmentRef),
    /// A checkpoint has covered more segments of the chain than this device remembers to have written.
    FloorAbove(u64),
    /// The segment that was built and not confirmed names objects that may have been collected by now. It counts as not
    /// sent; if it was, it is found like any other.
    BuiltTooLong,
}

/// Looks for a sign of another writer: among what was merged of the own chain, and among the segments that are known of
/// without being merged.
pub(super) fn fork_of(
    own: &OwnChain,
    device_id: DeviceId,
    built: Option<&BuiltSegment>,
    merged: Option<&ChainFrontier>,
    known: impl IntoIterator<Item = SegmentRef>,
) -> Option<Fork> {
    let chain = Chain { device_id, chain: own.chain };
    let floor = merged.map_or(0, ChainFrontier::floor);
    if floor > own.seq {
        return Some(Fork::FloorAbove(floor));
    }
    let named = |(seq, digest)| SegmentRef { device_id, chain: own.chain, seq, digest };
    let is_foreign = |segment: &SegmentRef| {
        let is_built = built.is_some_and(|built| built.segment == *segment);
        let is_last = segment.seq == own.seq && Some(segment.digest) == own.prev;
        // Below the last one there is one digest a number, that of the segment written then.
        let is_earlier = segment.seq < own.seq && merged.is_some_and(|merged| !merged.is_forked(segment.seq));
        !is_built && !is_last && !is_earlier
    };
    let mut merged_ones = merged.into_iter().flat_map(ChainFrontier::above).map(named);
    if let Some(foreign) = merged_ones.find(is_foreign) {
        return Some(Fork::Foreign(foreign));
    }
    let is_merged = |segment: &SegmentRef| {
        segment.seq <= floor || merged.is_some_and(|merged| merged.digests(segment.seq).any(|digest| digest == segment.digest))
    };
    let is_built = |segment: &SegmentRef| built.is_some_and(|built| built.segment == *segment);
    let mut unknown = known.into_iter().filter(|segment| segment.of_chain() == chain);
    unknown.find(|segment| !is_merged(segment) && !is_built(segment)).map(Fork::Foreign)
}

/// Whether a built segment must not be sent any more: what it names was stored before it was built.
pub(super) const fn is_built_too_long(built: &BuiltSegment, now_ms: u64) -> bool {
    now_ms.saturating_sub(built.built_at_ms) > LATE_MS || built.built_at_ms > now_ms.saturating_add(LATE_MS)
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::{ChainId, Digest};

    use super::*;
    use crate::manifest::Frontier;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);

    fn segment(seq: u64, digest: u8) -> SegmentRef {
        SegmentRef { device_id: DEVICE, chain: ChainId::new(7), seq, digest: Digest::from_bytes([digest; 16]) }
    }

    fn fork(seq: u64, floor: u64, merged: &[SegmentRef], built: Option<SegmentRef>, known: &[SegmentRef]) -> Option<Fork> {
        let prev = (seq > 0).then(|| segment(seq, u8::try_from(seq).unwrap()).digest);
        let own = OwnChain { chain: ChainId::new(7), seq, prev };
        let mut frontier = Frontier::default();
        frontier.raise_floor(segment(1, 1).of_chain(), floor);
        merged.iter().for_each(|segment| frontier.insert(segment));
        let built = built.map(|segment| BuiltSegment { segment, bytes: Vec::new(), cids: Vec::new(), built_at_ms: 0 });
        fork_of(&own, DEVICE, built.as_ref(), frontier.chain(&segment(1, 1).of_chain()), known.iter().copied())
    }

    #[test]
    fn what_one_has_written_is_no_fork() {
        assert_eq!(fork(0, 0, &[], None, &[]), None);
        assert_eq!(fork(2, 0, &[segment(1, 1), segment(2, 2)], None, &[segment(2, 2)]), None);
        assert_eq!(fork(2, 2, &[], None, &[segment(1, 1)]), None);
        assert_eq!(fork(2, 0, &[segment(1, 1), segment(2, 2)], Some(segment(3, 3)), &[segment(3, 3)]), None);
    }

    #[test]
    fn another_segment_under_ones_own_chain_is_a_fork_wherever_it_is_seen() {
        let own = [segment(1, 1), segment(2, 2)];
        assert_eq!(fork(2, 0, &own, None, &[segment(3, 9)]), Some(Fork::Foreign(segment(3, 9))));
        assert_eq!(fork(2, 0, &own, Some(segment(3, 3)), &[segment(3, 9)]), Some(Fork::Foreign(segment(3, 9))));
        assert_eq!(fork(2, 0, &[own[0], own[1], segment(3, 9)], None, &[]), Some(Fork::Foreign(segment(3, 9))));
        assert_eq!(fork(2, 0, &[own[0], own[1], segment(2, 9)], None, &[]), Some(Fork::Foreign(segment(2, 9))));
        assert!(fork(2, 0, &[own[0], own[1], segment(1, 9)], None, &[]).is_some());
    }

    #[test]
    fn a_floor_above_ones_own_number_is_a_fork() {
        assert_eq!(fork(2, 3, &[], None, &[]), Some(Fork::FloorAbove(3)));
        assert_eq!(fork(0, 1, &[], None, &[]), Some(Fork::FloorAbove(1)));
    }
}
