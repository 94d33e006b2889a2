//! Making a failing schedule smaller: fewer faults, fewer devices, fewer steps, as long as it fails in the same way.

use std::collections::BTreeSet;

use super::account::Household;
use super::fault::Fault;
use super::plan::Plan;
use super::schedule::run;

/// The smallest schedule found that fails as this one does, within so many runs.
#[must_use]
pub fn shrink(household: &Household, plan: &Plan, mut runs: usize) -> Plan {
    let Some(kind) = kind_of_failure(household, plan) else { return plan.clone() };
    let mut smallest = plan.clone();
    let mut attempt = |smallest: &mut Plan, smaller: Plan| {
        let fails = runs > 0 && kind_of_failure(household, &smaller).as_ref() == Some(&kind);
        runs = runs.saturating_sub(1);
        if fails {
            *smallest = smaller;
        }
        fails
    };
    for fault in Fault::ALL {
        let mut smaller = smallest.clone();
        if smaller.without.insert(fault) {
            attempt(&mut smallest, smaller);
        }
    }
    while smallest.devices > 2 {
        let smaller = Plan { devices: smallest.devices - 1, ..smallest.clone() };
        if !attempt(&mut smallest, smaller) {
            break;
        }
    }
    let mut size = smallest.taken().len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        loop {
            let taken = smallest.taken();
            if from >= taken.len() {
                break;
            }
            let left = taken[..from].iter().chain(taken.iter().skip(from + size)).copied().collect::<BTreeSet<_>>();
            let smaller = Plan { only: Some(left), ..smallest.clone() };
            if !attempt(&mut smallest, smaller) {
                from += size;
            }
        }
        size /= 2;
    }
    smallest
}

fn kind_of_failure(household: &Household, plan: &Plan) -> Option<String> {
    run(household, plan).violations.first().map(super::invariant::Violation::kind)
}
