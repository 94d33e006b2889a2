use tidegate_testkit::simulation::{Counts, Fault, Household, Plan, Result, all_cores, run, run_many, shrink};
use tidegate_testkit::store::Personality;

/// Schedules in all; `SIMULATED_SCHEDULES` asks for more.
const SCHEDULES: u64 = 560;

/// One schedule after the other, the personalities in turn.
fn plans(schedules: u64) -> Vec<Plan> {
    (0..schedules).zip(Personality::ALL.into_iter().cycle()).map(|(seed, personality)| Plan::new(seed, personality)).collect()
}

fn explain(result: &Result) -> String {
    let Some(first) = result.failures.first() else { return String::new() };
    format!("simulate {}: {:#?}\n{}", first.plan.words(), first.violations, first.tail.join("\n"))
}

#[test]
fn a_thousand_schedules_lose_nothing_on_any_store() {
    let wanted = std::env::var("SIMULATED_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES);
    let result = run_many(&Household::new(1), &plans(wanted), 1, all_cores(), || {});
    assert!(result.failures.is_empty(), "{}", explain(&result));
    println!("{wanted} schedules, {} edits: {:?}", result.counts.edits(), result.counts);
    assert_eq!(result.counts.missing(), Vec::<&str>::new(), "what never happens shows nothing");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let household = Household::new(1);
    for (seed, personality) in (100..).zip(Personality::ALL) {
        let first = run(&household, &Plan::new(seed, personality));
        assert_eq!(first, run(&household, &Plan::new(seed, personality)));
        assert_ne!(first.trace_hash, run(&household, &Plan::new(seed + 100, personality)).trace_hash);
    }
}

#[test]
fn the_number_of_threads_makes_no_difference() {
    let plans = plans(28);
    let household = Household::new(1);
    let many = run_many(&household, &plans, 100, 3, || {});
    let mut counts = Counts::default();
    for plan in &plans {
        counts.add(&run(&household, plan).counts);
    }
    assert_eq!(many.counts, counts);
}

#[test]
fn a_schedule_without_a_fault_has_none_of_it() {
    let household = Household::new(1);
    for (seed, personality) in Personality::ALL.into_iter().enumerate() {
        let mut plan = Plan::new(seed as u64, personality);
        plan.without = Fault::ALL.into_iter().collect();
        let report = run(&household, &plan);
        let ways_of_the_store = ["stale-listing", "racy-write", "ignored-condition"];
        let faults: Vec<_> = report.counts.faults.keys().filter(|name| !ways_of_the_store.contains(name)).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", personality.name());
    }
}

#[test]
fn a_schedule_that_does_not_fail_is_not_made_smaller() {
    let plan = Plan::new(3, Personality::Atomic);
    assert_eq!(shrink(&Household::new(1), &plan, 10), plan);
}

#[test]
fn what_never_happened_is_named() {
    let nothing = Counts::default();
    let missing = nothing.missing();
    for name in ["checkpoints", "purges", "collections", "repacks", "packs", "conflicts", "kept", "clone", "restore"] {
        assert!(missing.contains(&name), "{name}: {missing:?}");
    }
    assert!(!Counts { purges: 1, ..nothing }.missing().contains(&"purges"));
}

/// Rarer than any number of schedules that there is time for at every change: what they found has named tests as well.
#[test]
fn schedules_that_failed_once_do_not_fail_again() {
    let household = Household::new(1);
    let failed = [
        (37_509, Personality::ConflictOnContention),
        (37_594, Personality::OneWriteASecond),
        (43_979, Personality::LosingAnswers),
    ];
    for (seed, personality) in failed {
        let report = run(&household, &Plan::new(seed, personality));
        assert_eq!(report.violations, [], "{seed}");
    }
}
