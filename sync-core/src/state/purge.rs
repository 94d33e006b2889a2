//! The purge rule: what has been kept long enough.
//!
//! A superseded change goes R after the change that superseded it, a tombstone R after itself, a relocation R after itself
//! once nothing lies where it says. The time of a change is the later of its clock and of the moment at which the store took
//! its segment: an edit made offline a year ago and sent today is young.
//!
//! What the delay answers: a device restored from a backup holds edits that the store may know already. As long as they are
//! in the state, it finds them by their cid and does not send them again. Purged earlier, an old edit would come back as a
//! new one, and win over edits whose authors had seen it replaced.

use std::collections::BTreeSet;

use super::merge::{Present, State};
use super::retention::RETENTION_MS;
use crate::manifest::{Cid, Op};
use crate::planted::{self, Bug};

/// The changes that may go now, `now_ms` being milliseconds since 1970 by the store's clock.
///
/// To be asked only after a complete listing that is *fresh* has been applied whole: what is superseded has to be known, and
/// what is read later must not bring back what has gone.
#[must_use]
pub fn due_for_purge(state: &State, now_ms: u64) -> BTreeSet<Cid> {
    let is_due = |present: &&Present| !present.brought_by.is_empty() && has_served(state, present, now_ms);
    let mut due: BTreeSet<Cid> = state.changes().filter(is_due).map(|present| present.change.cid).collect();
    keep_what_hides_others(state, &mut due);
    due
}

fn has_served(state: &State, present: &Present, now_ms: u64) -> bool {
    let change = &present.change;
    match change.op {
        Op::Relocate => {
            let is_needed = |cid: &Cid| state.whereabouts(*cid).is_some_and(|place| place.cid == change.cid);
            is_past_retention(present, now_ms) && !change.relocates.iter().any(is_needed)
        }
        // Whether something supersedes it or not: an edit that waits in one device's outbox must not give that device alone
        // another time.
        Op::Delete => is_past_retention(present, now_ms),
        Op::Put | Op::Resolve => state.superseders(change.cid).any(|by| is_past_retention(by, now_ms)),
    }
}

/// Whether R has passed since this change, by its clock and by the store's word. A change that waits in the outbox has
/// replaced nothing yet, and one whose segment has no known time may have come just now.
fn is_past_retention(present: &Present, now_ms: u64) -> bool {
    let taken: Option<Vec<u64>> = present.brought_by.values().map(|at| at.map(|at| at.millis())).collect();
    let Some(taken) = taken.filter(|taken| !taken.is_empty()) else { return false };
    let time = taken.into_iter().max().unwrap_or(0).max(present.change.hlc.millis());
    let retention_ms = if planted::is(Bug::PastPurgedEarly) { RETENTION_MS / 30 } else { RETENTION_MS };
    time.saturating_add(retention_ms) < now_ms
}

/// A change stays as long as one that it supersedes stays: without it the older one would rise again, a deleted record or
/// a replaced version would be back.
fn keep_what_hides_others(state: &State, due: &mut BTreeSet<Cid>) {
    loop {
        let hides = |cid: &&Cid| {
            let change = state.get(**cid);
            change.is_some_and(|change| change.supersedes.iter().any(|older| !due.contains(older) && state.get(*older).is_some()))
        };
        let kept: Vec<Cid> = due.iter().filter(hides).copied().collect();
        if kept.is_empty() {
            return;
        }
        for cid in kept {
            due.remove(&cid);
        }
    }
}
