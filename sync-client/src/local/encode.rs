//! How the engine's names stand in the database's columns.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tidegate_protocol::{Digest, ListPrefix, Space};
use tidegate_sync_core::manifest::{Cid, Frontier, SegmentRef, Timestamp};
use tidegate_sync_core::quarantine::Subject;
use tidegate_sync_core::state::{KnownCheckpoint, Origins};

/// A segment that brought a change, and when the store took it.
#[derive(Serialize, Deserialize)]
struct Brought {
    segment: SegmentRef,
    stored_at: Option<Timestamp>,
}

pub(super) fn brought_by(brought_by: &Origins) -> String {
    let list: Vec<Brought> =
        brought_by.iter().map(|(segment, stored_at)| Brought { segment: *segment, stored_at: *stored_at }).collect();
    json(&list)
}

pub(super) fn read_brought_by(text: &str) -> Option<Origins> {
    let list: Vec<Brought> = serde_json::from_str(text).ok()?;
    Some(list.into_iter().map(|brought| (brought.segment, brought.stored_at)).collect())
}

#[derive(Serialize, Deserialize)]
struct Known {
    stored_at_ms: u64,
    frontier: Frontier,
    includes: BTreeSet<Digest>,
}

pub(super) fn known_checkpoint(known: &KnownCheckpoint) -> String {
    let KnownCheckpoint { stored_at_ms, frontier, includes } = known.clone();
    json(&Known { stored_at_ms, frontier, includes })
}

pub(super) fn read_known_checkpoint(text: &str) -> Option<KnownCheckpoint> {
    let Known { stored_at_ms, frontier, includes } = serde_json::from_str(text).ok()?;
    Some(KnownCheckpoint { stored_at_ms, frontier, includes })
}

pub(super) fn segment(segment: &SegmentRef) -> String {
    json(segment)
}

pub(super) fn read_segment(text: &str) -> Option<SegmentRef> {
    serde_json::from_str(text).ok()
}

pub(super) fn cids(cids: &[Cid]) -> String {
    json(&cids)
}

pub(super) fn read_cids(text: &str) -> Option<Vec<Cid>> {
    serde_json::from_str(text).ok()
}

pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Segment(segment) => format!("segment:{}", json(segment)),
        Subject::Doorbell => "doorbell".to_owned(),
        Subject::Checkpoint(digest) => format!("checkpoint:{digest}"),
        Subject::Grant(grant) => format!("grant:{grant}"),
        Subject::Content(cid) => format!("content:{cid}"),
    }
}

pub(super) fn read_subject(text: &str) -> Option<Subject> {
    if text == "doorbell" {
        return Some(Subject::Doorbell);
    }
    match text.split_once(':')? {
        ("segment", segment) => read_segment(segment).map(Subject::Segment),
        ("checkpoint", digest) => digest.parse().ok().map(Subject::Checkpoint),
        ("grant", grant) => grant.parse().ok().map(Subject::Grant),
        ("content", cid) => cid.parse().ok().map(Subject::Content),
        _ => None,
    }
}

/// The space whose text this is: its folders are parsed by the one parser there is.
pub(super) fn read_space(text: &str) -> Option<Space> {
    match format!("{text}/devices/").parse().ok()? {
        ListPrefix::Devices(space) => Some(space),
        ListPrefix::PublicKeys(_)
        | ListPrefix::MasterKeys(_)
        | ListPrefix::AccessGrants(_)
        | ListPrefix::FamilyMembers(_)
        | ListPrefix::Checkpoints(_)
        | ListPrefix::Records(..)
        | ListPrefix::Attachments(..)
        | ListPrefix::Packs(..) => None,
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("names and times always serialise")
}
