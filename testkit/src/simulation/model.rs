//! The obvious model: a list of all acknowledged edits, and the rules by looking at every pair. No frontier, no segments, no
//! indexes.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::Space;
use tidegate_sync_core::manifest::{Change, Cid, Op, Register, Target};
use tidegate_sync_core::state::{RETENTION_MS, are_one};

/// One acknowledged edit.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The space.
    pub space: Space,
    /// The change, as its author's device committed it.
    pub change: Change,
    /// All changes of the space that were on the author's device then.
    pub seen: BTreeSet<Cid>,
    /// The plaintext.
    pub content: Vec<u8>,
    /// The edit that this one keeps, made again by a device that was restored from an old backup.
    pub kept_from: Option<Cid>,
}

/// All acknowledged edits.
#[derive(Debug, Clone, Default)]
pub struct Model {
    edits: BTreeMap<Cid, Acknowledged>,
    /// The edits that were seen in a segment of the store.
    sent: BTreeSet<Cid>,
    /// The edits that were on one disk alone when that disk was lost.
    may_be_lost: BTreeSet<Cid>,
}

impl Model {
    /// Takes up an edit.
    pub fn acknowledge(&mut self, edit: Acknowledged) {
        self.edits.insert(edit.change.cid, edit);
    }

    /// Takes note that an edit's only disk is lost.
    pub fn may_be_lost(&mut self, cid: Cid) {
        self.may_be_lost.insert(cid);
    }

    /// Takes note that an edit was seen in the store.
    pub fn sent(&mut self, cid: Cid) {
        if self.edits.contains_key(&cid) {
            self.sent.insert(cid);
        }
    }

    /// Takes up what an engine made of an edit before sending it: another time, or another edit in the place of a doubtful one;
    /// `true` for the latter.
    pub fn take_up(&mut self, change: &Change, in_place_of: Option<Cid>) -> bool {
        if let Some(known) = self.edits.get_mut(&change.cid) {
            known.change.hlc = change.hlc;
            return false;
        }
        let Some(original) = in_place_of.and_then(|cid| self.edits.get(&cid)) else { return false };
        if original.change.register() != change.register() {
            return false;
        }
        let mut made = Acknowledged { change: change.clone(), kept_from: in_place_of, ..original.clone() };
        // Of a row of doubtful edits, the later ones have seen the earlier ones under their new ids too.
        made.seen.extend(change.supersedes.iter().copied());
        self.acknowledge(made);
        true
    }

    /// All edits in the order of their ids.
    pub fn edits(&self) -> impl Iterator<Item = &Acknowledged> {
        self.edits.values()
    }

    /// One edit.
    #[must_use]
    pub fn edit(&self, cid: Cid) -> Option<&Acknowledged> {
        self.edits.get(&cid)
    }

    /// Whether an edit has to count, given those that are present: it is there, or was in the store, or cannot have been
    /// lost and is not kept under another id.
    #[must_use]
    pub fn counts(&self, cid: Cid, is_present: impl Fn(Cid) -> bool) -> bool {
        let is_kept = || self.edits.values().any(|other| other.kept_from == Some(cid) && is_present(other.change.cid));
        is_present(cid) || self.sent.contains(&cid) || !(self.may_be_lost.contains(&cid) || is_kept())
    }

    /// Whether an edit may have been purged by now: it, if it is a delete, or one that replaced it, is older than the
    /// retention.
    #[must_use]
    pub fn may_be_purged(&self, edit: &Acknowledged, now_ms: u64) -> bool {
        let is_over = |change: &Change| change.hlc.millis() + RETENTION_MS <= now_ms;
        let replacing = self.edits.values().filter(|other| other.change.supersedes.contains(&edit.change.cid));
        (edit.change.op == Op::Delete && is_over(&edit.change)) || replacing.into_iter().any(|other| is_over(&other.change))
    }

    /// All registers of a space.
    #[must_use]
    pub fn registers(&self, space: Space) -> BTreeSet<Register> {
        self.edits.values().filter(|edit| edit.space == space).map(|edit| edit.change.register()).collect()
    }

    /// The heads of a register among the edits for which `among` holds.
    pub fn heads(&self, space: Space, among: impl Fn(Cid) -> bool, of: impl Fn(&Register) -> bool) -> Vec<&Change> {
        let there: Vec<&Change> =
            self.edits.values().filter(|edit| edit.space == space && among(edit.change.cid)).map(|edit| &edit.change).collect();
        let replaced = |cid: Cid| there.iter().any(|other| other.supersedes.contains(&cid));
        there.iter().copied().filter(|change| of(&change.register()) && !replaced(change.cid)).collect()
    }

    /// The head that must be shown.
    #[must_use]
    pub fn winner<'a>(heads: &[&'a Change]) -> Option<&'a Change> {
        let mut shown: Option<&'a Change> = None;
        for head in heads.iter().copied().filter(|head| head.op != Op::Delete && !head.kept) {
            let beats = shown.is_none_or(|shown| (head.hlc, head.cid) > (shown.hlc, shown.cid));
            if beats {
                shown = Some(head);
            }
        }
        shown
    }

    /// The heads that must stand beside the one shown: of those that say the same, one.
    #[must_use]
    pub fn losers(heads: &[&Change]) -> BTreeSet<Cid> {
        let shown = Self::winner(heads);
        let with_content: Vec<&Change> = heads.iter().copied().filter(|head| head.op != Op::Delete).collect();
        let is_spoken_for = |head: &Change| {
            let by = |other: &&Change| are_one(other, head) && (other.hlc, other.cid) > (head.hlc, head.cid);
            shown.is_some_and(|shown| shown.cid == head.cid || are_one(shown, head)) || with_content.iter().any(by)
        };
        with_content.iter().filter(|head| !is_spoken_for(head)).map(|head| head.cid).collect()
    }

    /// What an edit had to supersede, from what its author had seen.
    #[must_use]
    pub fn must_supersede(&self, edit: &Acknowledged) -> Vec<Cid> {
        let register = edit.change.register();
        let seen = |cid: Cid| edit.seen.contains(&cid);
        match edit.change.op {
            Op::Delete => cids(&self.heads(edit.space, seen, |other| other.target == register.target)),
            Op::Resolve => cids(&self.heads(edit.space, seen, |other| *other == register)),
            Op::Put | Op::Relocate => {
                let heads = self.heads(edit.space, seen, |other| other.target == register.target);
                let mine = |head: &&Change| head.register() == register || head.op == Op::Delete;
                let heads: Vec<&Change> = heads.into_iter().filter(mine).collect();
                let superseded = |head: &&Change| match Self::winner(&heads) {
                    None => head.op == Op::Delete,
                    Some(shown) => head.cid == shown.cid || (!head.kept && are_one(head, shown)),
                };
                cids(&heads.iter().copied().filter(|head| superseded(head)).collect::<Vec<_>>())
            }
        }
    }

    /// The delete, if there is one among those that count, after which this change must not be shown: its author had seen it
    /// and deleted it.
    #[must_use]
    pub fn deleted_by(&self, target: Target, cid: Cid, counts: impl Fn(Cid) -> bool) -> Option<&Acknowledged> {
        let of_target = |edit: &&Acknowledged| edit.change.target == target && counts(edit.change.cid);
        self.edits.values().filter(of_target).find(|edit| edit.change.op == Op::Delete && edit.seen.contains(&cid))
    }
}

fn cids(changes: &[&Change]) -> Vec<Cid> {
    let mut cids: Vec<Cid> = changes.iter().map(|change| change.cid).collect();
    cids.sort_unstable();
    cids
}
