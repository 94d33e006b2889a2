//! When deletes are so many that a person has to say so first.

use std::collections::BTreeSet;

use tidegate_protocol::Space;

use super::merge::State;
use crate::manifest::{Cid, Op, Register, Target};

/// Up to so many records go without asking, however few there are.
const ALWAYS_ALLOWED: u64 = 20;

/// One part in so many of a space's records goes without asking.
const ALLOWED_PART: u64 = 5;

/// Deletes that wait for a person's word. The space's outbox is held; everything else is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MassDelete {
    /// The space.
    pub space: Space,
    /// Records that the deletes would take from all devices.
    pub deletes: u64,
    /// Records that all devices have now.
    pub records: u64,
}

/// Whether so many deletes need a person's word: more than 20 records, and more than 20 % of them.
///
/// A file manager that shows an empty folder for a moment, or a script with a wrong filter, deletes everything on one
/// device. Synced, that is a loss on all of them, and it looks like what the user wanted. Held back, it harms nobody.
#[must_use]
pub const fn is_mass_delete(deletes: u64, records: u64) -> bool {
    deletes > ALWAYS_ALLOWED && deletes.saturating_mul(ALLOWED_PART) > records
}

/// The deletes of a space's outbox, if they need a person's word.
///
/// Only records count that other devices can have: one that was made and deleted here, between two syncs, is nobody's loss.
#[must_use]
pub fn mass_delete<'a>(space: Space, state: &State, outbox: impl IntoIterator<Item = &'a Cid>) -> Option<MassDelete> {
    let deleted: BTreeSet<Register> = outbox
        .into_iter()
        .filter_map(|cid| state.get(*cid))
        .filter(|change| change.op == Op::Delete && matches!(change.target, Target::Record(_)))
        .filter(|change| change.supersedes.iter().any(|cid| is_known_to_others(state, *cid)))
        .map(|change| change.register())
        .filter(|register| !is_live(state, register))
        .collect();
    let deletes = deleted.len() as u64;
    if deletes <= ALWAYS_ALLOWED {
        return None;
    }
    let of_records = state.registers().filter(|register| matches!(register.target, Target::Record(_)));
    let records = deletes + of_records.filter(|register| is_live(state, register)).count() as u64;
    is_mass_delete(deletes, records).then_some(MassDelete { space, deletes, records })
}

fn is_known_to_others(state: &State, cid: Cid) -> bool {
    state.present(cid).is_some_and(|present| !present.brought_by.is_empty() && present.change.has_content())
}

fn is_live(state: &State, register: &Register) -> bool {
    state.heads(register).iter().any(|head| head.has_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_twenty_and_more_than_a_fifth_need_a_word() {
        assert!(!is_mass_delete(20, 20));
        assert!(is_mass_delete(21, 21));
        assert!(is_mass_delete(21, 104));
        assert!(!is_mass_delete(21, 105));
        assert!(!is_mass_delete(200, 1_000));
        assert!(is_mass_delete(201, 1_000));
    }
}
