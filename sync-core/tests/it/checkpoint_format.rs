//! The checkpoint's NDJSON: golden, and every malformed one refused by name.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_protocol::{ChainId, Digest};
use tidegate_sync_core::manifest::{
    Change, Checkpoint, CheckpointLine, FormatError, Frontier, MAX_CHECKPOINT_BYTES, MAX_NUMBER, Origin, SegmentRef, Timestamp,
};
use tidegate_sync_core::state::State;

use crate::fixture::{golden, names, write_missing};
use crate::history::{History, act, stored_at};
use crate::sample::{MORNING_MS, attachment, chain, delete, over, put, relocation, segment_ref, stored_as_object};

fn line(change: Change, brought_by: &[(SegmentRef, Option<u64>)]) -> CheckpointLine {
    let origin = |(segment, seconds): &(SegmentRef, Option<u64>)| Origin {
        segment: *segment,
        stored_at: seconds.map(|seconds| Timestamp::from_millis(MORNING_MS + 1_000 * seconds + 7)),
    };
    CheckpointLine::new(change, brought_by.iter().map(origin))
}

fn whole() -> Checkpoint {
    let mut frontier = Frontier::default();
    frontier.raise_floor(chain(1), 4);
    for segment in [segment_ref(1, 6, 16), segment_ref(2, 1, 21), segment_ref(2, 1, 22)] {
        frontier.insert(&segment);
    }
    let mut lines = vec![
        line(stored_as_object(over(1, &[9]), 1), &[(segment_ref(1, 2, 12), Some(1)), (segment_ref(2, 1, 21), None)]),
        line(attachment(2), &[(segment_ref(1, 6, 16), Some(2))]),
        line(delete(3, &[8]), &[(segment_ref(2, 1, 22), Some(3))]),
        line(relocation(4, &[2]), &[(segment_ref(1, 4, 14), None)]),
    ];
    lines.sort_by_key(|line| line.change.cid);
    Checkpoint { frontier, checkpoints: [Digest::of(b"one"), Digest::of(b"two")].into(), part: None, lines }
}

fn samples() -> [(&'static str, Checkpoint); 3] {
    let empty = Checkpoint { frontier: Frontier::default(), checkpoints: BTreeSet::new(), part: None, lines: Vec::new() };
    let part = whole().into_parts(1_500, ChainId::new(0x0123_4567_89ab_cdef)).swap_remove(1);
    [("checkpoint-empty.ndjson", empty), ("checkpoint-part.ndjson", part), ("checkpoint-whole.ndjson", whole())]
}

#[test]
fn golden_checkpoints_are_read_and_made_again_byte_for_byte() {
    for (name, checkpoint) in samples() {
        let ndjson = checkpoint.to_ndjson().unwrap();
        assert_eq!(String::from_utf8(golden(name)).unwrap(), String::from_utf8(ndjson).unwrap(), "{name}");
        assert_eq!(Checkpoint::parse(&golden(name)).unwrap(), checkpoint, "{name}");
    }
}

#[test]
fn a_checkpoint_is_cut_into_parts_in_order() {
    let parts = whole().into_parts(1_000, ChainId::new(7));
    assert!(parts.len() > 1);
    let lines: Vec<CheckpointLine> = parts.iter().flat_map(|part| part.lines.iter().cloned()).collect();
    assert_eq!(lines, whole().lines);
    assert!(parts.iter().all(|part| part.frontier == whole().frontier && part.checkpoints == whole().checkpoints));
    assert_eq!(whole().into_parts(1 << 20, ChainId::new(7)), [whole()]);
}

#[test]
fn parts_that_there_cannot_be_are_refused() {
    let golden = String::from_utf8(golden("checkpoint-part.ndjson")).unwrap();
    assert!(golden.contains("\"index\":1,\"count\":"));
    for (from, to) in
        [("\"index\":1,", "\"index\":99,"), ("\"count\":", "\"count\":1,\"was\":"), ("\"count\":", "\"count\":20000,\"was\":")]
    {
        assert!(Checkpoint::parse(golden.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn every_golden_checkpoint_is_read() {
    assert_eq!(names("checkpoint-").len(), samples().len());
}

#[test]
#[ignore = "writes golden files that are missing; run it once after adding one"]
fn write_missing_golden_checkpoints() {
    samples().into_iter().for_each(|(name, checkpoint)| write_missing(name, &checkpoint.to_ndjson().unwrap()));
}

#[test]
fn unknown_fields_of_changes_are_copied_on() {
    let mut change = put(1);
    change.extra.insert("later".to_owned(), json!({"a": [0.1, null]}));
    let mut checkpoint = whole();
    checkpoint.lines = vec![line(change, &[(segment_ref(1, 6, 16), None)])];
    let ndjson = checkpoint.to_ndjson().unwrap();
    assert!(String::from_utf8_lossy(&ndjson).contains(r#""later":{"a":[0.1,null]}"#));
    assert_eq!(Checkpoint::parse(&ndjson).unwrap().to_ndjson().unwrap(), ndjson);
}

/// The golden one with one of its lines changed.
fn with(number: usize, change: impl Fn(&mut Value)) -> Vec<u8> {
    let text = String::from_utf8(whole().to_ndjson().unwrap()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut json: Value = serde_json::from_str(&lines[number]).unwrap();
    change(&mut json);
    lines[number] = json.to_string();
    (lines.join("\n") + "\n").into_bytes()
}

fn assert_malformed(ndjson: &[u8], why: &str) {
    let error = Checkpoint::parse(ndjson).expect_err(why);
    assert_eq!(error.code(), "malformed-document");
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn a_later_format_is_its_own_error() {
    let error = Checkpoint::parse(&with(0, |json| json["format"] = json!(2))).unwrap_err();
    assert_eq!(error, FormatError::Newer { document: "checkpoint", found: 2 });
}

#[test]
fn a_checkpoint_cut_short_at_any_byte_is_refused() {
    let ndjson = whole().to_ndjson().unwrap();
    for length in 0..ndjson.len() {
        assert!(Checkpoint::parse(&ndjson[..length]).is_err(), "{length}");
    }
    let lines: Vec<&[u8]> = ndjson.split_inclusive(|byte| *byte == b'\n').collect();
    assert_malformed(&lines[..4].concat(), "another number of changes");
    assert_malformed(&[lines[0], lines[1]].concat(), "another number of changes");
    assert_malformed(&ndjson[..ndjson.len() - 1], "does not end with a line feed");
    assert_malformed(b"", "does not end with a line feed");
    assert_malformed(b"\n", "cut short");
    assert_malformed(&[&ndjson[..], b"\n"].concat(), "cut short");
}

#[test]
fn lines_ascend_and_each_has_an_origin_that_the_frontier_covers() {
    let ndjson = whole().to_ndjson().unwrap();
    let mut lines: Vec<&[u8]> = ndjson.split_inclusive(|byte| *byte == b'\n').collect();
    lines.swap(1, 2);
    assert_malformed(&lines.concat(), "not in ascending order");
    lines[1] = lines[2];
    assert_malformed(&lines.concat(), "not in ascending order");
    assert_malformed(&with(1, |json| json["brought_by"] = json!([])), "brought by no segment");
    assert_malformed(&with(1, |json| json["brought_by"][0]["seq"] = json!(99)), "brought by no segment");
    assert_malformed(&with(1, |json| json["change"]["hlc"] = json!("soon")), "of another type");
    assert_malformed(&with(1, |json| json["brought_by"][0]["stored_at"] = json!("yesterday")), "of another type");
}

#[test]
fn malformed_frontiers_are_refused() {
    let frontier = |value: Value| with(0, move |json| json["frontier"] = value.clone());
    let line = |floor: u64, seqs: &[u64]| {
        let above: Vec<Value> = seqs.iter().map(|seq| json!({"seq": seq, "digest": "0".repeat(32)})).collect();
        json!({"device_id": chain(1).device_id, "chain": chain(1).chain, "floor": floor, "above": above})
    };
    let refused = [
        json!([line(4, &[4])]),
        json!([line(MAX_NUMBER + 1, &[])]),
        json!([line(0, &[MAX_NUMBER + 1])]),
        json!([line(0, &[])]),
        json!([line(1, &[]), line(2, &[])]),
        json!({}),
    ];
    for value in refused {
        assert_malformed(&frontier(value), "of another type");
    }
}

#[test]
fn a_checkpoint_over_its_cap_is_not_read() {
    let padded = [whole().to_ndjson().unwrap(), vec![b'\n'; MAX_CHECKPOINT_BYTES]].concat();
    let error = Checkpoint::parse(&padded).unwrap_err();
    assert!(matches!(error, FormatError::TooLarge { what: "checkpoint", cap, .. } if cap == MAX_CHECKPOINT_BYTES as u64));
}

fn checkpoint_of(state: &State) -> Checkpoint {
    let origin = |(segment, stored_at): (&SegmentRef, &Option<Timestamp>)| Origin { segment: *segment, stored_at: *stored_at };
    let line = |present: &tidegate_sync_core::state::Present| {
        CheckpointLine::new(present.change.clone(), present.brought_by.iter().map(origin))
    };
    Checkpoint {
        frontier: state.frontier().clone(),
        checkpoints: BTreeSet::new(),
        part: None,
        lines: state.changes().map(line).collect(),
    }
}

fn state_of(checkpoint: &Checkpoint) -> State {
    let mut state = State::new();
    state.restore_frontier(&checkpoint.frontier);
    for line in &checkpoint.lines {
        let brought_by = line.brought_by.iter().map(|origin| (origin.segment, origin.stored_at)).collect();
        state.restore(line.change.clone(), brought_by);
    }
    state
}

proptest! {
    #[test]
    fn a_state_comes_back_whole_from_its_checkpoint(acts in prop::collection::vec(act(), 0..40)) {
        let history = History::play(&acts);
        let mut state = State::new();
        for (name, segment) in &history.segments {
            state.apply(*name, &segment.changes, stored_at(name));
        }
        let ndjson = checkpoint_of(&state).to_ndjson().unwrap();
        let read = Checkpoint::parse(&ndjson).unwrap();
        prop_assert_eq!(read.to_ndjson().unwrap(), ndjson);
        prop_assert_eq!(state_of(&read), state);
    }

    #[test]
    fn parsing_is_total(bytes in prop::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, byte: u8) {
        let _ = Checkpoint::parse(&bytes);
        let mut bytes = whole().to_ndjson().unwrap();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(checkpoint) = Checkpoint::parse(&bytes) {
            prop_assert_eq!(Checkpoint::parse(&checkpoint.to_ndjson().unwrap()).unwrap(), checkpoint);
        }
    }
}
