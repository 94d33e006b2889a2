//! How a ledger lies in records: one for the store itself, and one for each day on which samples ended that were written.
//!
//! Lines of JSON, united by their ids: the greatest line of an id stays, so fields are in the order id, number, and a version has
//! seven digits, a time thirteen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{Entry, EntryId};

/// The kind of the record that says that there is a store, and from when on it is served.
pub(super) const STORE_KIND: &str = "health.store";
/// The kind of the records of what was written.
pub(super) const LEDGER_KIND: &str = "health.ledger";

const FLOOR: &str = "floor";

#[derive(Serialize, Deserialize)]
struct FloorLine {
    id: String,
    ms: i64,
}

#[derive(Serialize, Deserialize)]
struct EntryLine {
    id: String,
    version: u32,
}

/// The line that says what is below the floor.
pub(super) fn floor_line(floor_ms: i64) -> Vec<u8> {
    line(&FloorLine { id: FLOOR.to_owned(), ms: floor_ms })
}

/// The greatest floor in a content.
pub(super) fn floor(content: &[u8]) -> Option<i64> {
    let lines = content.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<FloorLine>(line).ok());
    lines.filter(|line| line.id == FLOOR).map(|line| line.ms).max()
}

/// The lines of these entries.
pub(super) fn entry_lines<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    entries.into_iter().flat_map(|entry| line(&EntryLine { id: hex(&entry.id), version: entry.version })).collect()
}

/// The entries of a day.
pub(super) fn entries(content: &[u8]) -> BTreeMap<EntryId, u32> {
    let mut entries = BTreeMap::new();
    for line in content.split(|byte| *byte == b'\n') {
        let Ok(EntryLine { id, version }) = serde_json::from_slice(line) else { continue };
        let Some(id) = unhex(&id) else { continue };
        let kept = entries.entry(id).or_insert(version);
        *kept = version.max(*kept);
    }
    entries
}

fn line(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn hex(id: &EntryId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<EntryId> {
    u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use tidegate_sync_core::state::{MergeContents as _, UnionById};

    use super::*;

    #[test]
    fn united_lines_keep_the_greatest_version_and_the_highest_floor() {
        let entry = |version| Entry { id: [0xab; 16], version, ended_ms: 0 };
        let (old, new) = (entry_lines(&[entry(1_000_001)]), entry_lines(&[entry(1_000_010)]));
        let united = UnionById.merge(&[&new, &old]);
        assert_eq!(united, new);
        assert_eq!(entries(&united), BTreeMap::from([([0xab; 16], 1_000_010)]));
        let united = UnionById.merge(&[&floor_line(1_793_491_200_000), &floor_line(1_793_577_600_000)]);
        assert_eq!(floor(&united), Some(1_793_577_600_000));
    }

    #[test]
    fn foreign_lines_are_passed_over() {
        assert_eq!(entries(b"{\"id\":\"zz\",\"version\":1}\nnot json\n\n{\"id\":7}\n").len(), 0);
        assert_eq!(floor(b"{\"id\":\"other\",\"ms\":7}\n"), None);
    }
}
