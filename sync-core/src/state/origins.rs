//! Small sorted sets and maps: nearly all have one entry. A B-tree sets aside room for eleven, which for a hundred thousand
//! changes comes to a hundred megabytes.

use std::collections::BTreeMap;
use std::ops::Index;

use crate::manifest::{Cid, SegmentRef, Timestamp};

/// By how much what a store says of one object at different times may differ: an answer's `Date` has whole seconds.
const ROUNDING_MS: u64 = 60_000;

/// The segments that brought a change, in order, with their LastModified where known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins(Vec<(SegmentRef, Option<Timestamp>)>);

impl Origins {
    /// Whether no segment brought it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many segments brought it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The segments.
    pub fn keys(&self) -> impl Iterator<Item = &SegmentRef> {
        self.0.iter().map(|(segment, _)| segment)
    }

    /// When the store took them.
    pub fn values(&self) -> impl Iterator<Item = &Option<Timestamp>> {
        self.0.iter().map(|(_, stored_at)| stored_at)
    }

    /// Both.
    pub fn iter(&self) -> impl Iterator<Item = (&SegmentRef, &Option<Timestamp>)> {
        self.0.iter().map(|(segment, stored_at)| (segment, stored_at))
    }

    /// Whether this segment brought it.
    #[must_use]
    pub fn contains_key(&self, segment: &SegmentRef) -> bool {
        self.find(segment).is_ok()
    }

    /// Adds a segment; of two times that are told of one, the later holds.
    pub fn add(&mut self, segment: SegmentRef, stored_at: Option<Timestamp>) {
        match self.find(&segment) {
            Ok(index) => self.0[index].1 = self.0[index].1.max(stored_at),
            Err(index) => {
                self.0.reserve_exact(1);
                self.0.insert(index, (segment, stored_at));
            }
        }
    }

    /// Takes the times of a listing; whether one was another than known, by more than rounding.
    pub(super) fn take_listed_times(&mut self, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> bool {
        let mut moved = false;
        for (segment, known) in &mut self.0 {
            let Some(Some(at)) = listed.get(segment) else { continue };
            if known.is_none_or(|known| known.millis().abs_diff(at.millis()) > ROUNDING_MS) {
                *known = Some(*at);
                moved = true;
            }
        }
        moved
    }

    /// Keeps the segments of which this is true.
    pub fn retain(&mut self, stays: impl Fn(&SegmentRef) -> bool) {
        self.0.retain(|(segment, _)| stays(segment));
    }

    fn find(&self, segment: &SegmentRef) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(segment))
    }
}

impl Index<&SegmentRef> for Origins {
    type Output = Option<Timestamp>;

    /// Panics for a segment that is none of them.
    fn index(&self, segment: &SegmentRef) -> &Self::Output {
        &self.0[self.find(segment).expect("this segment brought the change")].1
    }
}

impl FromIterator<(SegmentRef, Option<Timestamp>)> for Origins {
    fn from_iter<I: IntoIterator<Item = (SegmentRef, Option<Timestamp>)>>(segments: I) -> Self {
        let mut origins = Self::default();
        segments.into_iter().for_each(|(segment, stored_at)| origins.add(segment, stored_at));
        origins
    }
}

impl IntoIterator for Origins {
    type Item = (SegmentRef, Option<Timestamp>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A few changes, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cids(Vec<Cid>);

impl Cids {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, cid: Cid) {
        if let Err(index) = self.0.binary_search(&cid) {
            self.0.reserve_exact(1);
            self.0.insert(index, cid);
        }
    }

    pub(super) fn remove(&mut self, cid: Cid) {
        if let Ok(index) = self.0.binary_search(&cid) {
            self.0.remove(index);
        }
    }
}

impl<'a> IntoIterator for &'a Cids {
    type Item = &'a Cid;
    type IntoIter = std::slice::Iter<'a, Cid>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
