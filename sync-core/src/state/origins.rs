//! Small sorted sets and maps: nearly all have one entry. A B-tree sets aside room for eleven, which for a hundred thousand
//! changes comes to a hundred megabytes.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

use crate::manifest::{Cid, SegmentRef, Timestamp};

/// By how much what a store says of one object at different times may differ: an answer's `Date` has whole seconds.
const ROUNDING_MS: u64 = 60_000;

/// A segment, and when the store took it.
type Entry = (SegmentRef, Option<Timestamp>);

/// The segments that brought a change, in order, with their LastModified where known.
///
/// The changes of one segment nearly always have the same ones: copies share them until one is altered.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origins(Option<Arc<Vec<Entry>>>);

impl Origins {
    /// Whether no segment brought it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How many segments brought it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// The segments.
    pub fn keys(&self) -> impl Iterator<Item = &SegmentRef> {
        self.entries().iter().map(|(segment, _)| segment)
    }

    /// When the store took them.
    pub fn values(&self) -> impl Iterator<Item = &Option<Timestamp>> {
        self.entries().iter().map(|(_, stored_at)| stored_at)
    }

    /// Both.
    pub fn iter(&self) -> impl Iterator<Item = (&SegmentRef, &Option<Timestamp>)> {
        self.entries().iter().map(|(segment, stored_at)| (segment, stored_at))
    }

    /// Whether this segment brought it.
    #[must_use]
    pub fn contains_key(&self, segment: &SegmentRef) -> bool {
        self.find(segment).is_ok()
    }

    /// Adds a segment; of two times that are told of one, the later holds.
    pub fn add(&mut self, segment: SegmentRef, stored_at: Option<Timestamp>) {
        match self.find(&segment) {
            Ok(index) if self.entries()[index].1 >= stored_at => {}
            Ok(index) => self.entries_mut()[index].1 = stored_at,
            Err(index) => {
                let entries = self.entries_mut();
                entries.reserve_exact(1);
                entries.insert(index, (segment, stored_at));
            }
        }
    }

    /// Takes the times of a listing; whether one was another than known.
    pub(super) fn take_listed_times(&mut self, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> bool {
        let moved: Vec<(usize, Timestamp)> =
            self.entries().iter().enumerate().filter_map(|(index, entry)| Some((index, moved(entry, listed)?))).collect();
        for (index, at) in &moved {
            self.entries_mut()[*index].1 = Some(*at);
        }
        !moved.is_empty()
    }

    /// Whether [`Origins::take_listed_times`] would change anything.
    pub(super) fn is_listed_otherwise(&self, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> bool {
        self.entries().iter().any(|entry| moved(entry, listed).is_some())
    }

    /// Keeps the segments of which this is true.
    pub fn retain(&mut self, stays: impl Fn(&SegmentRef) -> bool) {
        if !self.keys().all(&stays) {
            self.entries_mut().retain(|(segment, _)| stays(segment));
        }
    }

    fn find(&self, segment: &SegmentRef) -> Result<usize, usize> {
        self.entries().binary_search_by(|(known, _)| known.cmp(segment))
    }

    fn entries(&self) -> &[Entry] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn entries_mut(&mut self) -> &mut Vec<Entry> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

/// The time of a listing where it is another than known, by more than rounding.
fn moved((segment, known): &Entry, listed: &BTreeMap<SegmentRef, Option<Timestamp>>) -> Option<Timestamp> {
    let at = (*listed.get(segment)?)?;
    known.is_none_or(|known| known.millis().abs_diff(at.millis()) > ROUNDING_MS).then_some(at)
}

impl Index<&SegmentRef> for Origins {
    type Output = Option<Timestamp>;

    /// Panics for a segment that is none of them.
    fn index(&self, segment: &SegmentRef) -> &Self::Output {
        &self.entries()[self.find(segment).expect("this segment brought the change")].1
    }
}

impl FromIterator<Entry> for Origins {
    fn from_iter<I: IntoIterator<Item = Entry>>(segments: I) -> Self {
        let mut origins = Self::default();
        segments.into_iter().for_each(|(segment, stored_at)| origins.add(segment, stored_at));
        origins
    }
}

impl IntoIterator for Origins {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

/// A few changes, in the order of their ids: nearly always one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cids {
    One(Cid),
    Many(Vec<Cid>),
}

impl Cids {
    pub(super) fn insert(&mut self, cid: Cid) {
        match self {
            Self::One(only) if *only == cid => {}
            Self::One(only) => *self = Self::Many(if *only < cid { vec![*only, cid] } else { vec![cid, *only] }),
            Self::Many(cids) => {
                if let Err(index) = cids.binary_search(&cid) {
                    cids.reserve_exact(1);
                    cids.insert(index, cid);
                }
            }
        }
    }

    /// Takes one away; whether none is left.
    pub(super) fn remove(&mut self, cid: Cid) -> bool {
        match self {
            Self::One(only) => *only == cid,
            Self::Many(cids) => {
                if let Ok(index) = cids.binary_search(&cid) {
                    cids.remove(index);
                }
                if let [only] = cids[..] {
                    *self = Self::One(only);
                }
                false
            }
        }
    }

    pub(super) fn as_slice(&self) -> &[Cid] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(cids) => cids,
        }
    }
}
