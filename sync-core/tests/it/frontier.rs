//! Frontiers: what is covered, what is not, and how two become one.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidegate_sync_core::manifest::{Frontier, SegmentRef, Timestamp};

use crate::sample::{chain, segment_ref};

fn frontier(floors: &[(u64, u64)], segments: &[SegmentRef]) -> Frontier {
    let mut frontier = Frontier::default();
    floors.iter().for_each(|(device, floor)| frontier.raise_floor(chain(*device), *floor));
    segments.iter().for_each(|segment| frontier.insert(segment));
    frontier
}

#[test]
fn above_the_floor_a_segment_is_covered_by_its_digest_and_below_by_its_number() {
    let frontier = frontier(&[(1, 5)], &[segment_ref(1, 7, 17)]);
    assert!(frontier.covers(&segment_ref(1, 1, 11)) && frontier.covers(&segment_ref(1, 5, 999)));
    assert!(!frontier.covers(&segment_ref(1, 6, 16)), "a hole below the tip");
    assert!(frontier.covers(&segment_ref(1, 7, 17)));
    assert!(!frontier.covers(&segment_ref(1, 7, 18)), "another segment of this number");
    assert!(!frontier.covers(&segment_ref(1, 8, 17)));
    assert!(!frontier.covers(&segment_ref(2, 1, 11)), "another chain");
}

#[test]
fn a_chain_belongs_to_its_device() {
    let frontier = frontier(&[(1, 5)], &[]);
    let stolen = SegmentRef { device_id: chain(2).device_id, ..segment_ref(1, 3, 13) };
    assert!(!frontier.covers(&stolen), "a device cannot cover another's segments by taking its chain id");
}

#[test]
fn clones_that_claim_one_number_are_two_segments() {
    let (one, other) = (segment_ref(1, 3, 31), segment_ref(1, 3, 32));
    let mut frontier = frontier(&[], &[one]);
    assert!(!frontier.covers(&other));
    frontier.insert(&other);
    assert!(frontier.covers(&one) && frontier.covers(&other));
    assert_eq!(frontier.tips(), [one, other].into());
    frontier.insert(&segment_ref(1, 4, 42));
    let both = [one, other, segment_ref(1, 4, 42)].into();
    assert_eq!(frontier.tips(), both, "the shorter branch ends where a number is claimed twice");
}

#[test]
fn a_floor_rises_and_never_sinks() {
    let mut frontier = frontier(&[(1, 5)], &[segment_ref(1, 6, 16), segment_ref(1, 9, 19)]);
    frontier.raise_floor(chain(1), 3);
    assert_eq!(frontier.chain(&chain(1)).unwrap().floor(), 5);
    frontier.raise_floor(chain(1), 6);
    let left: Vec<u64> = frontier.chain(&chain(1)).unwrap().above().map(|(seq, _)| seq).collect();
    assert_eq!(left, [9], "what the floor covers need not be kept");
    assert!(frontier.covers(&segment_ref(1, 6, 16)));
    frontier.insert(&segment_ref(1, 2, 12));
    assert_eq!(frontier.chain(&chain(1)).unwrap().above().count(), 1, "nor taken in again");
}

#[test]
fn a_floor_of_nothing_is_nothing() {
    let mut frontier = Frontier::default();
    frontier.raise_floor(chain(1), 0);
    assert_eq!(frontier, Frontier::default());
    assert!(frontier.is_empty());
}

#[test]
fn the_tip_of_a_chain_that_is_all_floor_has_a_number_and_no_name() {
    let frontier = frontier(&[(1, 5)], &[]);
    assert_eq!(frontier.chain(&chain(1)).unwrap().tip(), 5);
    assert_eq!(frontier.tips(), BTreeSet::new());
}

#[test]
fn recent_segments_are_the_last_of_each_chain() {
    let all: Vec<SegmentRef> = (1..=5).map(|seq| segment_ref(1, seq, seq)).chain([segment_ref(2, 1, 21)]).collect();
    let recent = frontier(&[], &all).recent(2);
    assert_eq!(recent, [segment_ref(1, 4, 4), segment_ref(1, 5, 5), segment_ref(2, 1, 21)].into());
}

#[test]
fn times_have_one_spelling() {
    let time = Timestamp::from_millis(1_795_255_200_007);
    assert_eq!(time.to_string(), "2026-11-21T10:00:00.007Z");
    assert_eq!("2026-11-21T10:00:00.007Z".parse::<Timestamp>(), Ok(time));
    assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    let others = [
        "2026-11-21T10:00:00Z",
        "2026-11-21T10:00:00.07Z",
        "2026-11-21T10:00:00.007+00:00",
        "2026-11-21t10:00:00.007z",
        "2026-11-21 10:00:00.007Z",
        "2026-02-29T10:00:00.007Z",
        "2026-11-21T24:00:00.000Z",
        "2026-11-21T23:59:60.000Z",
        "1969-12-31T23:59:59.999Z",
        "+2026-11-21T10:00:00.007Z",
        "",
    ];
    for text in others {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

const DEVICES: u64 = 3;
const NUMBERS: u64 = 6;
const CLONES: u64 = 2;

fn all() -> impl Iterator<Item = SegmentRef> {
    let numbers = |device| (1..=NUMBERS + 1).map(move |seq| (device, seq));
    let each = (0..DEVICES).flat_map(numbers).flat_map(|(device, seq)| (0..CLONES).map(move |fork| (device, seq, fork)));
    each.map(|(device, seq, fork)| segment_ref(device, seq, 10 * seq + fork))
}

fn some() -> impl Strategy<Value = Frontier> {
    let floors = prop::collection::vec((0..DEVICES, 0..=NUMBERS), 0..4);
    let segments = prop::collection::vec((0..DEVICES, 1..=NUMBERS, 0..CLONES), 0..15);
    (floors, segments).prop_map(|(floors, segments)| {
        let segments: Vec<_> = segments.iter().map(|(device, seq, fork)| segment_ref(*device, *seq, 10 * seq + fork)).collect();
        frontier(&floors, &segments)
    })
}

fn merged(one: &Frontier, other: &Frontier) -> Frontier {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

proptest! {
    #[test]
    fn two_merged_cover_what_either_covers(a in some(), b in some()) {
        let both = merged(&a, &b);
        for segment in all() {
            prop_assert_eq!(both.covers(&segment), a.covers(&segment) || b.covers(&segment));
        }
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in some(), b in some(), c in some()) {
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert_eq!(merged(&a, &Frontier::default()), a);
    }

    #[test]
    fn what_was_covered_stays_covered(a in some(), device in 0..DEVICES, floor in 0..=NUMBERS, extra in 0_usize..36) {
        let mut later = a.clone();
        later.raise_floor(chain(device), floor);
        later.insert(&all().nth(extra).unwrap());
        for segment in all() {
            prop_assert!(!a.covers(&segment) || later.covers(&segment));
        }
    }

    #[test]
    fn the_json_of_a_frontier_brings_it_back(a in some()) {
        let json = serde_json::to_vec(&a).unwrap();
        let read: Frontier = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(serde_json::to_vec(&read).unwrap(), json);
        prop_assert_eq!(read, a);
    }

    #[test]
    fn equal_coverage_has_equal_tips(segments in prop::collection::vec(0_usize..42, 0..20)) {
        let segments: Vec<SegmentRef> = segments.into_iter().map(|index| all().nth(index).unwrap()).collect();
        let reversed: Vec<SegmentRef> = segments.iter().rev().copied().collect();
        prop_assert_eq!(frontier(&[], &segments), frontier(&[], &reversed));
    }
}
