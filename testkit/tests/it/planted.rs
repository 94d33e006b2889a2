//! The simulation finds each bug that is planted: every rule that can be broken is missed when it is.

use tidegate_sync_core::planted::{self, Bug};
use tidegate_testkit::simulation::{Household, Plan, all_cores, run_many};
use tidegate_testkit::store::Personality;

/// How many schedules a bug has at most.
const MOST: usize = 20_000;

/// After how many schedules, all kinds of stores in turn from seed 1, a bug is found.
fn found_after(bug: Bug) -> Option<(u64, String)> {
    let household = Household::new(1);
    let mut from = 1;
    while from <= MOST {
        let stores = Personality::ALL.into_iter().cycle().skip(from % Personality::ALL.len());
        let plans: Vec<Plan> = (from..from + 40).zip(stores).map(|(seed, store)| Plan::new(seed as u64, store)).collect();
        let result = run_many(&household, &plans, 1, all_cores(), || planted::choose(Some(bug)));
        if let Some(first) = result.failures.first() {
            return Some((first.plan.seed, first.violations[0].kind()));
        }
        from += 40;
    }
    None
}

#[test]
#[ignore = "minutes: just test-planted-bugs"]
fn every_planted_bug_is_found_within_twenty_thousand_schedules() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match found_after(bug) {
            Some((count, how)) => println!("{}: {how} after {count} schedules", bug.name()),
            None => missed.push(bug.name()),
        }
    }
    let _ = std::panic::take_hook();
    assert_eq!(missed, Vec::<&str>::new());
}
