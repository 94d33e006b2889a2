//! The obvious model: a list of all acknowledged edits, and the rules by looking at every pair. No frontier, no segments, no
//! indexes.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::Space;
use tidegate_sync_core::manifest::{Change, Cid, Op, Register, Target};

/// One acknowledged edit.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The device that made it.
    pub device: usize,
    /// The space.
    pub space: Space,
    /// The change, as its author's device committed it.
    pub change: Change,
    /// All changes of the space that were on the author's device then.
    pub seen: BTreeSet<Cid>,
    /// The plaintext.
    pub content: Vec<u8>,
}

/// All acknowledged edits.
#[derive(Debug, Clone, Default)]
pub struct Model {
    edits: BTreeMap<Cid, Acknowledged>,
}

impl Model {
    /// Takes up an edit.
    pub fn acknowledge(&mut self, edit: Acknowledged) {
        self.edits.insert(edit.change.cid, edit);
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
        for head in heads.iter().copied().filter(|head| head.op != Op::Delete) {
            let beats = shown.is_none_or(|shown| (head.hlc, head.cid) > (shown.hlc, shown.cid));
            if beats {
                shown = Some(head);
            }
        }
        shown
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
                match Self::winner(&heads) {
                    None => cids(&heads),
                    Some(shown) => {
                        let same = |head: &&Change| {
                            head.op != Op::Delete && head.content_hmac == shown.content_hmac && head.meta == shown.meta
                        };
                        cids(&heads.iter().copied().filter(same).collect::<Vec<_>>())
                    }
                }
            }
        }
    }

    /// The delete, if there is one, after which this change must not be shown: its author had seen it and deleted it.
    #[must_use]
    pub fn deleted_by(&self, space: Space, target: Target, cid: Cid) -> Option<&Acknowledged> {
        let of_target = |edit: &&Acknowledged| edit.space == space && edit.change.target == target;
        self.edits.values().filter(of_target).find(|edit| edit.change.op == Op::Delete && edit.seen.contains(&cid))
    }
}

fn cids(changes: &[&Change]) -> Vec<Cid> {
    let mut cids: Vec<Cid> = changes.iter().map(|change| change.cid).collect();
    cids.sort_unstable();
    cids
}
