//! The doorbell's JSON: golden, and every malformed one refused by name.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_protocol::{Digest, Space};
use tidegate_sync_core::manifest::{Doorbell, FormatError, Frontier, MAX_DOORBELL_BYTES, MAX_NUMBER, SegmentRef};

use crate::fixture::{golden, names, write_missing};
use crate::sample::{chain, segment_ref, space, user};

const ACCOUNT: fn() -> Space = || Space::Account(user());

fn two_spaces() -> Doorbell {
    let mut doorbell = Doorbell::default();
    doorbell.add(space(), [segment_ref(2, 9, 9), segment_ref(1, 2, 12), segment_ref(1, 1, 11), segment_ref(1, 2, 13)]);
    doorbell.add(ACCOUNT(), [segment_ref(1, 1, 1)]);
    doorbell
}

fn samples() -> [(&'static str, Doorbell); 2] {
    [("doorbell-empty.json", Doorbell::default()), ("doorbell-two-spaces.json", two_spaces())]
}

/// What a later version may have written; checkpoints stand in it already.
const LATER: &str = concat!(
    r#"{"format":1,"spaces":[{"member_id":null,"segments":[],"checkpoints":["00112233445566778899aabbccddeeff"],"sealed_to":3},"#,
    r#"{"member_id":"6f2c1d34-9a1b-4c5d-8e7f-0123456789ab","segments":[],"checkpoints":[]}],"rung_by":{"device":[1,2.5]}}"#,
);

#[test]
fn golden_doorbells_are_read_and_made_again_byte_for_byte() {
    for (name, doorbell) in samples() {
        let json = doorbell.to_json().unwrap();
        assert_eq!(String::from_utf8(golden(name)).unwrap(), String::from_utf8(json).unwrap(), "{name}");
        assert_eq!(Doorbell::parse(&golden(name)).unwrap(), doorbell, "{name}");
    }
}

#[test]
fn unknown_fields_and_checkpoints_are_copied_on_byte_for_byte() {
    assert_eq!(golden("doorbell-later-fields.json"), LATER.as_bytes());
    let mut doorbell = Doorbell::parse(LATER.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(doorbell.to_json().unwrap()).unwrap(), LATER);
    doorbell.add(space(), [segment_ref(1, 1, 1)]);
    doorbell.trim();
    let json = String::from_utf8(doorbell.to_json().unwrap()).unwrap();
    for kept in [r#""rung_by":{"device":[1,2.5]}"#, r#""sealed_to":3"#, "00112233445566778899aabbccddeeff"] {
        assert!(json.contains(kept), "{kept}");
    }
}

#[test]
fn every_golden_doorbell_is_read() {
    assert_eq!(names("doorbell-").len(), samples().len() + 1);
}

#[test]
#[ignore = "writes golden files that are missing; run it once after adding one"]
fn write_missing_golden_doorbells() {
    samples().into_iter().for_each(|(name, doorbell)| write_missing(name, &doorbell.to_json().unwrap()));
    write_missing("doorbell-later-fields.json", LATER.as_bytes());
}

fn with(change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&two_spaces().to_json().unwrap()).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

fn assert_malformed(json: &[u8], why: &str) {
    let error = Doorbell::parse(json).expect_err(why);
    assert_eq!(error.code(), "malformed-document");
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn a_later_format_is_its_own_error() {
    let error = Doorbell::parse(br#"{"format":2}"#).unwrap_err();
    assert_eq!(error, FormatError::Newer { document: "sync-manifest", found: 2 });
}

#[test]
fn malformed_doorbells_are_refused() {
    assert_malformed(b"[]", "of another type");
    assert_malformed(br#"{"format":1}"#, "a field is missing");
    assert_malformed(&with(|json| json["spaces"].as_array_mut().unwrap().reverse()), "not in ascending order");
    let twice = |json: &mut Value| {
        let first = json["spaces"][0].clone();
        json["spaces"].as_array_mut().unwrap().insert(0, first);
    };
    assert_malformed(&with(twice), "not in ascending order");
    assert_malformed(&with(|json| json["spaces"][1]["segments"][0]["seq"] = json!(0)), "a segment without a number");
    assert_malformed(&with(|json| json["spaces"][1]["segments"][0]["seq"] = json!(MAX_NUMBER + 1)), "2^53 - 1");
    assert_malformed(&with(|json| json["spaces"][1]["segments"][0]["digest"] = json!("ABC")), "of another type");
    assert_malformed(&with(|json| json["spaces"][1]["member_id"] = json!("Anna")), "of another type");
    assert_malformed(&with(|json| json["spaces"][0]["later"] = json!(1e300)), "2^53 - 1");
    assert_malformed(&with(|json| json["later"] = json!([u64::MAX])), "2^53 - 1");
}

#[test]
fn a_doorbell_over_its_cap_is_neither_written_nor_read() {
    let mut doorbell = Doorbell::default();
    doorbell.add(space(), (0..3_000).map(|n| segment_ref(n, 1, n)));
    let error = doorbell.to_json().unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { cap, .. } if cap == MAX_DOORBELL_BYTES as u64), "{error}");
    let padded = [two_spaces().to_json().unwrap(), vec![b' '; MAX_DOORBELL_BYTES]].concat();
    assert_eq!(Doorbell::parse(&padded).unwrap_err().code(), "document-too-large");
}

#[test]
fn trimming_forgets_the_oldest_of_each_chain_and_keeps_every_tip() {
    let mut doorbell = Doorbell::default();
    let of_chain = |device: u64, count: u64| (1..=count).map(move |seq| segment_ref(device, seq, seq));
    doorbell.add(space(), (0..100).flat_map(|device| of_chain(device, 50)));
    doorbell.add(ACCOUNT(), of_chain(0, 3));
    doorbell.trim();
    let kept: BTreeSet<SegmentRef> = doorbell.segments(space()).collect();
    assert!((0..100).all(|device| kept.contains(&segment_ref(device, 50, 50))));
    assert!(kept.len() <= 1_000);
    assert_eq!(doorbell.segments(ACCOUNT()).count(), 3, "a short chain loses nothing");
    assert!(doorbell.to_json().unwrap().len() <= MAX_DOORBELL_BYTES);
}

#[test]
fn a_doorbell_that_misses_a_tip_does_not_reach_the_frontier() {
    let mut frontier = Frontier::default();
    let mut doorbell = Doorbell::default();
    assert!(doorbell.reaches(space(), &frontier, |_| false));
    for segment in [segment_ref(1, 1, 1), segment_ref(1, 2, 2), segment_ref(2, 5, 5)] {
        frontier.insert(&segment);
    }
    assert!(!doorbell.reaches(space(), &frontier, |_| false));
    doorbell.add(space(), [segment_ref(1, 2, 2)]);
    assert!(!doorbell.reaches(space(), &frontier, |_| false));
    doorbell.add(space(), [segment_ref(2, 6, 6)]);
    assert!(doorbell.reaches(space(), &frontier, |_| false), "it is ahead of what is merged here");
    doorbell.add(ACCOUNT(), []);
    assert!(doorbell.reaches(ACCOUNT(), &Frontier::default(), |_| false));
    assert!(!doorbell.reaches(ACCOUNT(), &frontier, |_| false), "what it says of another space does not count");
}

#[test]
fn a_doorbell_that_names_one_of_two_clones_does_not_reach_the_other() {
    let mut frontier = Frontier::default();
    frontier.insert(&segment_ref(1, 3, 31));
    frontier.insert(&segment_ref(1, 3, 32));
    let mut doorbell = Doorbell::default();
    doorbell.add(space(), [segment_ref(1, 3, 31)]);
    assert!(!doorbell.reaches(space(), &frontier, |_| false));
    doorbell.add(space(), [segment_ref(1, 3, 32)]);
    assert!(doorbell.reaches(space(), &frontier, |_| false));
}

#[test]
fn a_floor_alone_needs_no_naming() {
    let mut frontier = Frontier::default();
    frontier.raise_floor(chain(1), 7);
    assert!(Doorbell::default().reaches(space(), &frontier, |_| false));
}

fn some_segments() -> impl Strategy<Value = Vec<SegmentRef>> {
    let segment = (0_u64..4, 1_u64..60, 0_u64..2).prop_map(|(device, seq, fork)| segment_ref(device, seq, 100 * seq + fork));
    prop::collection::vec(segment, 0..80)
}

proptest! {
    #[test]
    fn what_is_added_is_a_union_in_any_order(a in some_segments(), b in some_segments(), c in some_segments()) {
        let ring = |parts: &[&Vec<SegmentRef>]| {
            let mut doorbell = Doorbell::default();
            parts.iter().for_each(|part| doorbell.add(space(), part.iter().copied()));
            doorbell
        };
        prop_assert_eq!(ring(&[&a, &b, &c]), ring(&[&c, &b, &a, &b]));
        let named: BTreeSet<SegmentRef> = ring(&[&a, &b]).segments(space()).collect();
        prop_assert_eq!(named, a.iter().chain(&b).copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_trimmed_doorbell_still_reaches_what_it_was_made_of(segments in some_segments()) {
        let mut frontier = Frontier::default();
        segments.iter().for_each(|segment| frontier.insert(segment));
        let mut doorbell = Doorbell::default();
        doorbell.add(space(), frontier.recent(32));
        doorbell.trim();
        prop_assert!(doorbell.reaches(space(), &frontier, |_| false));
        let json = doorbell.to_json().unwrap();
        prop_assert_eq!(Doorbell::parse(&json).unwrap(), doorbell);
    }

    #[test]
    fn parsing_is_total(bytes in prop::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, byte: u8) {
        let _ = Doorbell::parse(&bytes);
        let mut bytes = two_spaces().to_json().unwrap();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(doorbell) = Doorbell::parse(&bytes) {
            prop_assert_eq!(Doorbell::parse(&doorbell.to_json().unwrap()).unwrap(), doorbell);
        }
    }
}

#[test]
fn digests_are_those_of_the_named_segments() {
    let named: Vec<Digest> = two_spaces().segments(ACCOUNT()).map(|segment| segment.digest).collect();
    assert_eq!(named, [segment_ref(1, 1, 1).digest]);
}
