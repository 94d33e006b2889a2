//! The floor rule: up to which number a chain counts as covered without naming its segments one by one.
//!
//! A frontier that named every segment for ever would grow with the history. But a floor also covers what nobody has merged,
//! if a segment with a lower number turns up later. So it rises only over numbers that an *old* checkpoint has named one by
//! one: a clone of the device that wrote a second segment under one of them did so before it could see the first one in the
//! doorbell, that is within *fresh*, and by now every listing shows it. Where such a second segment is merged here and not in
//! the checkpoint, the floor stays below it.
//!
//! The schedule that breaks a floor that rises at once: a device writes segment 6, others merge it and raise the floor to 6;
//! its clone, which has not polled in between, writes its own segment 6. Everybody takes it for covered, and its edits are
//! lost.

use super::frontier::ChainFrontier;

/// The number up to which this chain's floor may rise.
///
/// `ours` is merged here after a complete listing, `old` is what a checkpoint older than *old* covers of the chain, and
/// `set_aside` are the numbers of segments of the chain that are known and not merged: never is one of them covered.
#[must_use]
pub fn floor_of(ours: &ChainFrontier, old: &ChainFrontier, set_aside: impl IntoIterator<Item = u64>) -> u64 {
    let covers = |seq: u64| {
        let is_named = |digest| seq <= old.floor() || old.digests(seq).any(|other| other == digest);
        old.has_number(seq) && ours.has_number(seq) && ours.digests(seq).all(is_named)
    };
    let limit = set_aside.into_iter().min().map_or(u64::MAX, |first| first.saturating_sub(1)).min(old.tip());
    let mut floor = ours.floor();
    while floor < limit && covers(floor + 1) {
        floor += 1;
    }
    floor
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::{ChainId, DeviceId, Digest};

    use super::*;
    use crate::manifest::{Chain, Frontier, SegmentRef};

    const CHAIN: Chain = Chain { device_id: DeviceId::from_bytes([1; 16]), chain: ChainId::new(2) };

    fn merged(floor: u64, above: &[(u64, u8)]) -> ChainFrontier {
        let mut frontier = Frontier::default();
        frontier.raise_floor(CHAIN, floor);
        for (seq, digest) in above {
            let digest = Digest::from_bytes([*digest; 16]);
            frontier.insert(&SegmentRef { device_id: CHAIN.device_id, chain: CHAIN.chain, seq: *seq, digest });
        }
        frontier.chain(&CHAIN).cloned().unwrap_or_default()
    }

    #[test]
    fn a_floor_rises_over_all_that_an_old_checkpoint_covers() {
        let ours = merged(0, &[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(floor_of(&ours, &merged(0, &[(1, 1), (2, 2)]), []), 2);
        assert_eq!(floor_of(&ours, &merged(2, &[(3, 3)]), []), 3);
    }

    #[test]
    fn a_floor_stays_below_a_clones_segment_that_the_checkpoint_has_not_merged() {
        let ours = merged(0, &[(1, 1), (2, 2), (2, 9), (3, 3)]);
        assert_eq!(floor_of(&ours, &merged(0, &[(1, 1), (2, 2), (3, 3)]), []), 1);
        assert_eq!(floor_of(&ours, &merged(0, &[(1, 1), (2, 2), (2, 9), (3, 3)]), []), 3);
    }

    #[test]
    fn a_floor_stays_below_a_gap_and_below_what_is_set_aside() {
        let ours = merged(0, &[(1, 1), (3, 3)]);
        assert_eq!(floor_of(&ours, &merged(0, &[(1, 1), (3, 3)]), []), 1);
        let ours = merged(0, &[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(floor_of(&ours, &merged(3, &[]), [2]), 1);
    }

    #[test]
    fn a_floor_never_sinks() {
        assert_eq!(floor_of(&merged(5, &[]), &merged(2, &[]), [3]), 5);
    }
}
