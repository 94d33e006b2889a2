//! What becomes of an edit in the outbox of a device that was restored from a backup, or cloned: the store may know it.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;

use crate::clock::Clock;
use crate::manifest::{Change, Cid, Location, Op};
use crate::planted::{self, Bug};
use crate::state::{KEPT_AFTER_MS, Present, State};

/// What becomes of one doubtful edit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// The store has it, or it is gone from the state: it leaves the outbox.
    Sent,
    /// It was never sent and goes as it is. It is young: had it been sent, it could not have been purged yet.
    Ordinary,
    /// It may have been sent, replaced and purged. It goes under a new cid, as an edit that does not compete: were it to
    /// win by its time, it could win over edits whose authors had seen its successor.
    Kept(Box<Change>),
    /// An old delete of something that is still there: it was never sent, so it is made anew for what is left.
    Anew(Box<Change>),
    /// An old delete of which nothing is left to delete, a move of something that has moved since, or an old edit that was
    /// sent and purged: what replaced it is there.
    Void,
}

/// Decides about all doubtful edits of a space at once, each by its id: `state` is what a complete listing has brought, `outbox`
/// what waits to be sent, each with whether it is in doubt.
pub(super) fn verdicts(
    state: &State,
    outbox: &BTreeMap<Cid, bool>,
    now_ms: u64,
    clock: &mut Clock,
    rng: &mut dyn CryptoRng,
) -> BTreeMap<Cid, Verdict> {
    let (doubtful, certain): (Vec<Cid>, Vec<Cid>) = outbox.keys().copied().partition(|cid| outbox[cid]);
    let mut changes: Vec<&Change> = doubtful.iter().filter_map(|cid| state.get(*cid)).collect();
    changes.sort_by_key(|change| change.rank());
    let harmless = harmless_ones(state, &changes, certain, now_ms);
    let outlived = outlived_ones(state, &changes, &harmless);
    let mut renamed: BTreeMap<Cid, Cid> = BTreeMap::new();
    let mut verdicts: BTreeMap<Cid, Verdict> = doubtful.iter().map(|cid| (*cid, Verdict::Sent)).collect();
    for change in changes {
        let is_sent_already = is_sent(state, change.cid);
        let goes_again =
            if is_sent_already { planted::is(Bug::OutboxNotFilteredByCid) } else { planted::is(Bug::OldDoubtfulChangeNotKept) };
        let verdict = match change.op {
            Op::Put | Op::Resolve | Op::Delete | Op::Relocate if goes_again => Verdict::Ordinary,
            Op::Put | Op::Resolve | Op::Delete | Op::Relocate if is_sent_already => Verdict::Sent,
            Op::Put | Op::Resolve | Op::Delete | Op::Relocate if harmless.contains(&change.cid) => Verdict::Ordinary,
            Op::Put | Op::Resolve | Op::Delete | Op::Relocate if outlived.contains(&change.cid) => Verdict::Void,
            Op::Put | Op::Resolve => Verdict::Kept(Box::new(kept(change, &renamed, rng))),
            Op::Delete => delete_anew(state, change, &renamed, now_ms, clock, rng),
            Op::Relocate => Verdict::Void,
        };
        if let Verdict::Kept(new) = &verdict {
            renamed.insert(change.cid, new.cid);
        }
        verdicts.insert(change.cid, verdict);
    }
    verdicts
}

/// The edits that do no harm even if they had been sent before: the young ones, and those that one of them supersedes, or one
/// that is certain not to have been sent, for they arrive together with it and do not compete. Taken from under it they would
/// leave bare what they had replaced: the one on top names them alone, and a delete that had seen both would not hold.
fn harmless_ones(state: &State, in_order: &[&Change], certain: Vec<Cid>, now_ms: u64) -> BTreeSet<Cid> {
    let mut harmless: BTreeSet<Cid> = certain.into_iter().collect();
    for change in in_order.iter().rev() {
        let is_young = change.hlc.millis().saturating_add(KEPT_AFTER_MS) >= now_ms;
        if is_young || state.superseders(change.cid).any(|by| harmless.contains(&by.change.cid)) {
            harmless.insert(change.cid);
        }
    }
    harmless
}

/// The old edits that a sent one supersedes, or another of them: whoever made that one had seen them, so they were sent
/// before it, and are purged. Sent again they would rise wherever what had hidden them is purged too.
fn outlived_ones(state: &State, in_order: &[&Change], harmless: &BTreeSet<Cid>) -> BTreeSet<Cid> {
    let mut outlived = BTreeSet::new();
    for change in in_order.iter().rev().filter(|change| !harmless.contains(&change.cid)) {
        let by_sent = |by: &Present| !by.brought_by.is_empty() || outlived.contains(&by.change.cid);
        if state.superseders(change.cid).any(by_sent) {
            outlived.insert(change.cid);
        }
    }
    outlived
}

fn is_sent(state: &State, cid: Cid) -> bool {
    state.present(cid).is_some_and(|present| !present.brought_by.is_empty())
}

/// The edit under a new name. It supersedes only what went before it in the same outbox: what it was made upon may be the
/// very version that others show today, and would vanish behind an edit that does not compete.
fn kept(change: &Change, renamed: &BTreeMap<Cid, Cid>, rng: &mut dyn CryptoRng) -> Change {
    let mut supersedes: Vec<Cid> = change.supersedes.iter().filter_map(|older| renamed.get(older).copied()).collect();
    supersedes.sort_unstable();
    // What an earlier upload stored may have been collected: the content goes up again, under a fresh name.
    let location = change.location.clone().filter(|location| matches!(location, Location::Inline(_)));
    let sha256 = change.sha256.filter(|_| location.is_some());
    Change { cid: draw(rng), kept: true, supersedes, location, sha256, ..change.clone() }
}

/// The delete of what is left of all that it was made upon, and of what those of its outbox were made upon that are kept now:
/// kept, they hide nothing any more, and the record would be back.
fn delete_anew(
    state: &State,
    change: &Change,
    renamed: &BTreeMap<Cid, Cid>,
    now_ms: u64,
    clock: &mut Clock,
    rng: &mut dyn CryptoRng,
) -> Verdict {
    let reached = reached_by(state, change, renamed);
    let is_left = |cid: &Cid| is_sent(state, *cid) && state.superseders(*cid).all(|by| by.brought_by.is_empty());
    if !reached.iter().any(|cid| is_left(cid) || renamed.contains_key(cid)) {
        return Verdict::Void;
    }
    // The old ids too: a clone may send one of them yet.
    let supersedes: BTreeSet<Cid> = reached.iter().chain(reached.iter().filter_map(|cid| renamed.get(cid))).copied().collect();
    let supersedes = supersedes.into_iter().collect();
    match clock.tick(now_ms) {
        Ok(hlc) => Verdict::Anew(Box::new(Change { cid: draw(rng), hlc, supersedes, ..change.clone() })),
        Err(_) => Verdict::Ordinary,
    }
}

/// What a change supersedes, and what those of them supersede in turn that go under another name.
fn reached_by(state: &State, change: &Change, renamed: &BTreeMap<Cid, Cid>) -> BTreeSet<Cid> {
    let mut reached = BTreeSet::new();
    let mut ahead = change.supersedes.clone();
    while let Some(cid) = ahead.pop() {
        if reached.insert(cid) && renamed.contains_key(&cid) {
            ahead.extend(state.get(cid).into_iter().flat_map(|older| older.supersedes.iter().copied()));
        }
    }
    reached
}

fn draw(rng: &mut dyn CryptoRng) -> Cid {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    Cid::from_random(bytes)
}
