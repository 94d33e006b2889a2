//! Kinds of records whose concurrent versions are merged, and not chosen between.
//!
//! What a device gathers by itself (a day's samples) is written by several devices at once, and nobody wants to be asked which
//! is right: all of it is. Of such a kind the heads never conflict. What is read is their merged view, and the next edit
//! writes the view down and supersedes the heads that went into it.
//!
//! The view is the same everywhere because it depends on nothing but the set of contents. The schedule that breaks without
//! that: two devices write the view down at once, each in the order in which it saw the heads; their contents differ, and
//! every sync makes one more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::manifest::Change;

/// How the contents of a kind are merged.
///
/// `merge` must depend on the set of the contents alone, and views must merge like what is in them. With `m(..)` for the
/// merged view that is: commutative, `m(a, b) = m(b, a)`; idempotent, `m(a, a) = m(a)`; associative,
/// `m(m(a, b), c) = m(a, m(b, c)) = m(a, b, c)`. Damaged or foreign contents are contents too: it never fails.
pub trait MergeContents: fmt::Debug + Send + Sync {
    /// The merged view of these contents.
    fn merge(&self, contents: &[&[u8]]) -> Vec<u8>;
}

/// The union of lines of JSON by the text or number in their `id`: samples.
///
/// Of several lines with one id the greatest is taken, as bytes. A line without an id stands for itself. The view has each
/// line once, ends each with a line feed, and is in the order of the ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnionById;

/// What tells one line from another. Lines without an id come last, in their own order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineKey<'a> {
    Id(String),
    Line(&'a [u8]),
}

impl MergeContents for UnionById {
    fn merge(&self, contents: &[&[u8]]) -> Vec<u8> {
        let mut lines: BTreeMap<LineKey<'_>, &[u8]> = BTreeMap::new();
        for line in contents.iter().flat_map(|content| content.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let kept = lines.entry(key_of(line)).or_insert(line);
            *kept = (*kept).max(line);
        }
        let length = lines.values().map(|line| line.len() + 1).sum();
        lines.into_values().fold(Vec::with_capacity(length), |mut view, line| {
            view.extend_from_slice(line);
            view.push(b'\n');
            view
        })
    }
}

fn key_of(line: &[u8]) -> LineKey<'_> {
    let parsed: Option<Value> = serde_json::from_slice(line).ok();
    match parsed.as_ref().and_then(|value| value.get("id")) {
        Some(id @ (Value::String(_) | Value::Number(_))) => LineKey::Id(id.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => LineKey::Line(line),
    }
}

/// The kinds that are merged, and how. Every device of an account should know the same ones; a device that does not know a
/// kind shows its concurrent versions as conflicts, and loses nothing.
#[derive(Debug, Clone, Default)]
pub struct MergeKinds {
    kinds: BTreeMap<String, Arc<dyn MergeContents>>,
}

impl MergeKinds {
    /// The same, with one more kind.
    #[must_use]
    pub fn with(mut self, kind: impl Into<String>, merge: impl MergeContents + 'static) -> Self {
        self.kinds.insert(kind.into(), Arc::new(merge));
        self
    }

    /// The kinds, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// How this kind is merged, if it is.
    #[must_use]
    pub fn get(&self, kind: Option<&str>) -> Option<&dyn MergeContents> {
        self.kinds.get(kind?).map(AsRef::as_ref)
    }

    /// The heads of a register that make up the merged view, greatest first: all its edits, if they are of one such kind.
    /// `None` where there is nothing to merge by: then the ordinary rules hold.
    #[must_use]
    pub fn merged_heads<'a>(&self, heads: &[&'a Change]) -> Option<Vec<&'a Change>> {
        let mut edits: Vec<&Change> = heads.iter().copied().filter(|head| head.has_content()).collect();
        let kind = edits.first()?.meta.kind.as_deref();
        self.get(kind)?;
        if edits.iter().any(|edit| edit.meta.kind.as_deref() != kind) {
            return None;
        }
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.rank()));
        Some(edits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_united_by_id_and_ordered() {
        let one = b"{\"id\":\"b\",\"v\":1}\n{\"id\":\"a\",\"v\":1}\n" as &[u8];
        let other = b"{\"id\":\"a\",\"v\":2}\r\n\n{\"id\":7}\nnot json" as &[u8];
        let view = b"{\"id\":\"a\",\"v\":2}\n{\"id\":\"b\",\"v\":1}\n{\"id\":7}\nnot json\n" as &[u8];
        assert_eq!(UnionById.merge(&[one, other]), view);
        assert_eq!(UnionById.merge(&[view]), view);
        assert_eq!(UnionById.merge(&[]), b"");
    }

    #[test]
    fn an_id_that_is_neither_text_nor_number_is_none() {
        let lines = b"{\"id\":null}\n{\"id\":[1]}\n" as &[u8];
        assert_eq!(UnionById.merge(&[lines, lines]), b"{\"id\":[1]}\n{\"id\":null}\n");
    }
}
