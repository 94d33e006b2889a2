//! The obvious model: every change that every merged segment brought, and all else worked out anew by looking at every pair.
//! No frontier arithmetic, no index, nothing kept up to date. For tests alone: [`super::State`] must agree with it.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use crate::manifest::{Change, Cid, Meta, Op, Register, SegmentRef};

/// What was merged, and what of it was purged. Both only grow, so merging two models is a union.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    merged: BTreeMap<SegmentRef, Vec<Change>>,
    purged: BTreeSet<(SegmentRef, Cid)>,
}

impl Reference {
    /// A model in which nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a segment.
    pub fn apply(&mut self, segment: SegmentRef, changes: &[Change]) {
        self.merged.entry(segment).or_insert_with(|| changes.to_vec());
    }

    /// Takes in another model.
    pub fn merge(&mut self, other: &Self) {
        self.merged.extend(other.merged.iter().map(|(segment, changes)| (*segment, changes.clone())));
        self.purged.extend(other.purged.iter().copied());
    }

    /// Forgets a change, as every segment merged so far brought it.
    pub fn purge(&mut self, cid: Cid) {
        let brought = self.origins(cid);
        self.purged.extend(brought.into_iter().map(|segment| (segment, cid)));
    }

    /// The segments merged.
    #[must_use]
    pub fn segments(&self) -> BTreeSet<SegmentRef> {
        self.merged.keys().copied().collect()
    }

    /// The segments that brought a change and still count.
    #[must_use]
    pub fn origins(&self, cid: Cid) -> BTreeSet<SegmentRef> {
        let brings = |changes: &[Change]| changes.iter().any(|change| change.cid == cid);
        let merged = self.merged.iter().filter(|(segment, changes)| brings(changes) && !self.purged.contains(&(**segment, cid)));
        merged.map(|(segment, _)| *segment).collect()
    }

    /// The changes present; of one that came with different contents, the one with the greater JSON.
    #[must_use]
    pub fn changes(&self) -> BTreeMap<Cid, Change> {
        let mut present: BTreeMap<Cid, Change> = BTreeMap::new();
        for (segment, changes) in &self.merged {
            for change in changes.iter().filter(|change| !self.purged.contains(&(*segment, change.cid))) {
                if present.get(&change.cid).is_none_or(|other| change.to_json() > other.to_json()) {
                    present.insert(change.cid, change.clone());
                }
            }
        }
        present
    }

    /// The registers in which something is present.
    #[must_use]
    pub fn registers(&self) -> BTreeSet<Register> {
        self.changes().values().filter(|change| change.op != Op::Relocate).map(Change::register).collect()
    }

    /// The changes of a register that no present change supersedes.
    #[must_use]
    pub fn heads(&self, register: &Register) -> Vec<Change> {
        let present = self.changes();
        let is_superseded = |cid: Cid| present.values().any(|other| other.supersedes.contains(&cid));
        let competes = |change: &&Change| change.op != Op::Relocate && change.register() == *register;
        present.values().filter(competes).filter(|change| !is_superseded(change.cid)).cloned().collect()
    }

    /// The heads that are deletes.
    #[must_use]
    pub fn tombstones(&self, register: &Register) -> BTreeSet<Cid> {
        self.heads(register).iter().filter(|head| head.op == Op::Delete).map(|head| head.cid).collect()
    }

    /// The head that everybody shows.
    #[must_use]
    pub fn winner(&self, register: &Register) -> Option<Change> {
        let mut shown: Option<Change> = None;
        for head in self.heads(register) {
            let beats = shown.as_ref().is_none_or(|shown| (head.hlc, head.cid) > (shown.hlc, shown.cid));
            if head.op != Op::Delete && !head.kept && beats {
                shown = Some(head);
            }
        }
        shown
    }

    /// The heads that somebody has to look at beside the winner: of those that say the same, the greatest.
    #[must_use]
    pub fn losers(&self, register: &Register) -> BTreeSet<Cid> {
        let shown = self.winner(register);
        let heads: Vec<Change> = self.heads(register).into_iter().filter(|head| head.op != Op::Delete).collect();
        let is_spoken_for = |head: &Change| match &shown {
            Some(shown) if say_the_same(shown, head) => true,
            Some(_) | None => {
                heads.iter().any(|other| say_the_same(other, head) && (other.hlc, other.cid) > (head.hlc, head.cid))
            }
        };
        heads.iter().filter(|head| !is_spoken_for(head)).map(|head| head.cid).collect()
    }

    /// The change that says where a change's content lies now.
    #[must_use]
    pub fn whereabouts(&self, cid: Cid) -> Option<Cid> {
        let present = self.changes();
        let speaks = |change: &&Change| change.location.is_some() && (change.cid == cid || change.relocates.contains(&cid));
        present.values().filter(speaks).max_by_key(|change| (change.hlc, change.cid)).map(|change| change.cid)
    }
}

fn say_the_same(one: &Change, other: &Change) -> bool {
    let in_nfc = |text: &Option<String>| text.as_deref().map(|text| text.nfc().collect::<String>());
    let names = |meta: &Meta| [in_nfc(&meta.kind), in_nfc(&meta.title), in_nfc(&meta.media_type), in_nfc(&meta.name)];
    let rest = |meta: &Meta| (meta.record_id, meta.extra.clone());
    one.content_hmac == other.content_hmac && names(&one.meta) == names(&other.meta) && rest(&one.meta) == rest(&other.meta)
}
