//! The segment's JSON: golden, and every malformed one refused by name.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_protocol::Digest;
use tidegate_sync_core::manifest::{Change, FormatError, MAX_NUMBER, MAX_SEGMENT_BYTES, Meta, Segment, missing_before};

use crate::fixture::{golden, names, write_missing};
use crate::sample::{attachment, chain, cid, delete, over, put, relocation, segment_ref, stored_as_object};

fn first() -> Segment {
    Segment::new(chain(1), 1, None, Vec::new(), vec![put(1), attachment(2)])
}

fn next() -> Segment {
    let seen = vec![segment_ref(2, 7, 27), segment_ref(3, 1, 31)];
    let changes = vec![stored_as_object(over(3, &[1]), 3), delete(4, &[2]), relocation(5, &[1])];
    Segment::new(chain(1), 2, Some(Digest::of(b"the first")), seen, changes)
}

fn samples() -> [(&'static str, Segment); 3] {
    let empty = Segment::new(chain(9), MAX_NUMBER, Some(Digest::of(b"before")), Vec::new(), Vec::new());
    [("segment-first.json", first()), ("segment-next.json", next()), ("segment-last-number.json", empty)]
}

#[test]
fn golden_segments_are_read_and_made_again_byte_for_byte() {
    for (name, segment) in samples() {
        let json = segment.to_json().unwrap();
        assert_eq!(String::from_utf8(golden(name)).unwrap(), String::from_utf8(json).unwrap(), "{name}");
        assert_eq!(Segment::parse(&golden(name)).unwrap(), segment, "{name}");
    }
}

#[test]
fn every_golden_segment_is_read() {
    // `segment.blob`, the sealed one, is read with the other envelopes.
    assert_eq!(names("segment-").len(), samples().len());
}

#[test]
#[ignore = "writes golden files that are missing; run it once after adding one"]
fn write_missing_golden_segments() {
    samples().into_iter().for_each(|(name, segment)| write_missing(name, &segment.to_json().unwrap()));
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&next().to_json().unwrap()).unwrap();
    json[field] = value;
    serde_json::to_vec(&json).unwrap()
}

fn assert_malformed(json: &[u8], why: &str) {
    let error = Segment::parse(json).expect_err(why);
    assert_eq!(error.code(), "malformed-document");
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn a_later_format_is_its_own_error_whatever_else_has_changed() {
    for json in [with("format", json!(2)), br#"{"format":900,"everything":"else"}"#.to_vec()] {
        let error = Segment::parse(&json).unwrap_err();
        assert_eq!(error.code(), "newer-format");
        assert!(matches!(error, FormatError::Newer { document: "segment", found: 2 | 900 }));
    }
    assert_malformed(&with("format", json!(0)), "format 0 does not exist");
    assert_malformed(&with("format", json!("1")), "of another type");
    assert_malformed(&with("format", json!(-1)), "of another type");
}

#[test]
fn missing_fields_are_refused() {
    for field in ["format", "device_id", "chain", "seq", "seen", "changes"] {
        let mut json: Value = serde_json::from_slice(&next().to_json().unwrap()).unwrap();
        json.as_object_mut().unwrap().remove(field).unwrap();
        assert_malformed(&serde_json::to_vec(&json).unwrap(), "a field is missing");
    }
}

#[test]
fn numbers_begin_at_1_and_all_but_the_first_name_the_one_before() {
    let numbers = "numbers begin at 1";
    assert_malformed(&with("seq", json!(0)), numbers);
    assert_malformed(&with("seq", json!(1)), numbers);
    assert_malformed(&with("prev", json!(null)), numbers);
    assert_malformed(&with("seq", json!(MAX_NUMBER + 1)), "2^53 - 1");
    let seen =
        |seq: u64| json!([{"device_id": chain(2).device_id, "chain": chain(2).chain, "seq": seq, "digest": "0".repeat(32)}]);
    assert_malformed(&with("seen", seen(0)), "it has seen a segment without a number");
    assert_malformed(&with("seen", seen(MAX_NUMBER + 1)), "2^53 - 1");
    assert!(Segment::parse(&with("seen", seen(MAX_NUMBER))).is_ok());
}

#[test]
fn a_change_comes_once_and_is_a_good_one() {
    let changes = |changes: &[Change]| with("changes", serde_json::to_value(changes).unwrap());
    assert_malformed(&changes(&[put(1), over(1, &[2])]), "it names a change twice");
    assert_malformed(&changes(&[Change { location: None, ..put(1) }]), "its content has no location");
    assert_malformed(&changes(&[Change { version: 0, ..put(1) }]), "has a version");
    assert_malformed(&changes(&[Change { supersedes: vec![cid(1)], ..put(1) }]), "it supersedes itself");
    let title = Some("x".repeat(257));
    let error = Segment::parse(&changes(&[Change { meta: Meta { title, ..Meta::default() }.into(), ..put(1) }])).unwrap_err();
    assert_eq!(error, FormatError::TooLarge { what: "title", size: 257, cap: 256 });
}

#[test]
fn a_segment_over_its_cap_is_neither_written_nor_read() {
    let changes: Vec<Change> = (0..25_000).map(|n| Change { cid: cid(n), ..put(n) }).collect();
    let large = Segment::new(chain(1), 1, None, Vec::new(), changes);
    let error = large.to_json().err().unwrap();
    assert!(matches!(error, FormatError::TooLarge { what: "segment", cap, .. } if cap == MAX_SEGMENT_BYTES as u64), "{error}");
    let padded = [first().to_json().unwrap(), vec![b' '; MAX_SEGMENT_BYTES]].concat();
    assert_eq!(Segment::parse(&padded).unwrap_err().code(), "document-too-large");
    assert!(Segment::parse(&padded[..MAX_SEGMENT_BYTES]).is_ok());
}

#[test]
fn what_comes_directly_before_is_its_predecessor_and_all_that_was_seen() {
    let before = segment_ref(1, 1, 0);
    let predecessor = next().predecessor().unwrap();
    assert_eq!((predecessor.of_chain(), predecessor.seq, predecessor.digest), (before.of_chain(), 1, Digest::of(b"the first")));
    assert_eq!(first().predecessor(), None);
    let missing = missing_before(&next(), |segment| *segment == segment_ref(2, 7, 27));
    assert_eq!(missing.into_iter().collect::<std::collections::BTreeSet<_>>(), [predecessor, segment_ref(3, 1, 31)].into());
}

proptest! {
    #[test]
    fn parsing_is_total(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Segment::parse(&bytes);
    }

    #[test]
    fn parsing_is_total_on_near_misses(at: prop::sample::Index, byte: u8, cut in 0_usize..3) {
        let mut bytes = next().to_json().unwrap();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        bytes.drain(place..(place + cut).min(bytes.len()));
        if let Ok(segment) = Segment::parse(&bytes) {
            prop_assert_eq!(Segment::parse(&segment.to_json().unwrap()).unwrap(), segment);
        }
    }
}
