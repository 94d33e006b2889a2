//! One page of a LIST, in byte order, with common prefixes rolled up.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::record::ObjectRecord;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first key.
    First,
    /// After this key.
    AfterKey(Vec<u8>),
    /// After every key that begins with this prefix.
    AfterPrefix(Vec<u8>),
}

impl Start {
    /// The key or prefix.
    pub(crate) fn into_place(self) -> Option<String> {
        match self {
            Self::First => None,
            Self::AfterKey(place) | Self::AfterPrefix(place) => String::from_utf8(place).ok(),
        }
    }
}

/// What to list.
#[derive(Debug, Clone)]
pub(crate) struct ListRequest {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Empty for none.
    pub(crate) delimiter: String,
    pub(crate) start: Start,
    pub(crate) max_entries: usize,
}

/// A line of a page.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// A key and its object.
    Object(String, Box<ObjectRecord>),
    /// A common prefix.
    Prefix(String),
}

/// A page and where the next one begins, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<Start>,
}

/// Keys at or above `from`, or only above it.
struct Lower {
    from: Vec<u8>,
    inclusive: bool,
}

/// Reads a page; `None` if there is no such bucket.
pub(crate) fn read(connection: &Connection, request: &ListRequest) -> rusqlite::Result<Option<Page>> {
    // One read transaction: a page shows the index at one moment.
    let snapshot = connection.unchecked_transaction()?;
    let bucket = snapshot
        .prepare_cached("SELECT id FROM buckets WHERE name = ?1")?
        .query_row([&request.bucket], |row| row.get(0))
        .optional()?;
    let Some(bucket) = bucket else {
        return Ok(None);
    };
    if request.max_entries == 0 {
        return Ok(Some(Page { entries: Vec::new(), next: None }));
    }
    collect(&snapshot, bucket, request).map(Some)
}

fn collect(connection: &Connection, bucket: i64, request: &ListRequest) -> rusqlite::Result<Page> {
    let upper = successor(request.prefix.as_bytes());
    let mut lower = first(request);
    let mut entries: Vec<Entry> = Vec::new();
    'seek: loop {
        let query = query(&lower, upper.is_some());
        let mut statement = connection.prepare_cached(&query)?;
        let mut rows = statement.query(params![bucket, lower.from, upper])?;
        while let Some(row) = rows.next()? {
            if entries.len() == request.max_entries {
                let next = entries.last().map(start_after);
                return Ok(Page { entries, next });
            }
            let key = key_of(row)?;
            let Some(group) = common_prefix(&key, request) else {
                entries.push(Entry::Object(key, Box::new(ObjectRecord::from_row(row, 1)?)));
                continue;
            };
            let beyond = successor(group.as_bytes());
            entries.push(Entry::Prefix(group.to_owned()));
            // Nothing sorts above a prefix without a successor, so this page is the last.
            let Some(from) = beyond else { break };
            lower = Lower { from, inclusive: true };
            continue 'seek;
        }
        return Ok(Page { entries, next: None });
    }
}

fn query(lower: &Lower, bounded: bool) -> String {
    let from = if lower.inclusive { ">=" } else { ">" };
    let to = if bounded { "o.key < ?3" } else { "?3 IS NULL" };
    let columns = ObjectRecord::COLUMNS;
    format!("SELECT o.key, {columns} FROM objects o WHERE o.bucket = ?1 AND o.key {from} ?2 AND {to} ORDER BY o.key")
}

fn key_of(row: &Row<'_>) -> rusqlite::Result<String> {
    String::from_utf8(row.get(0)?).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error)))
}

fn first(request: &ListRequest) -> Lower {
    let prefix = Lower { from: request.prefix.clone().into_bytes(), inclusive: true };
    let start = match &request.start {
        Start::First => return prefix,
        Start::AfterKey(key) => Lower { from: key.clone(), inclusive: false },
        Start::AfterPrefix(group) => Lower { from: successor(group).unwrap_or_else(|| group.clone()), inclusive: true },
    };
    if start.from >= prefix.from { start } else { prefix }
}

fn start_after(entry: &Entry) -> Start {
    match entry {
        Entry::Object(key, _) => Start::AfterKey(key.clone().into_bytes()),
        Entry::Prefix(group) => Start::AfterPrefix(group.clone().into_bytes()),
    }
}

fn common_prefix<'a>(key: &'a str, request: &ListRequest) -> Option<&'a str> {
    if request.delimiter.is_empty() {
        return None;
    }
    let rest = &key[request.prefix.len()..];
    let at = rest.find(&request.delimiter)?;
    Some(&key[..request.prefix.len() + at + request.delimiter.len()])
}

/// The least byte string above everything that begins with `prefix`; none for the empty one and for all 0xff.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut above = prefix[..=last].to_vec();
    above[last] += 1;
    Some(above)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn successor_is_above_the_prefix_and_nothing_else() {
        assert_eq!(successor(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(successor(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b""), None);
    }

    proptest! {
        #[test]
        fn successor_bounds_exactly_what_begins_with_the_prefix(prefix in "[ab/é]{1,4}", key in "[ab/é]{0,6}") {
            let above = successor(prefix.as_bytes()).unwrap();
            let between = key.as_bytes() >= prefix.as_bytes() && key.as_bytes() < above.as_slice();
            prop_assert_eq!(between, key.starts_with(&prefix));
        }
    }
}
