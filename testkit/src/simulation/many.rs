//! Many schedules on all cores; the result is the same whatever the number of cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::account::Household;
use super::counts::Counts;
use super::plan::Plan;
use super::schedule::{Report, run};

/// What many schedules came to.
#[derive(Debug, Clone, Default)]
pub struct Result {
    /// How often what happened.
    pub counts: Counts,
    /// The schedules that failed, in their order.
    pub failures: Vec<Report>,
}

/// As many threads as there are cores.
#[must_use]
pub fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Runs schedules until all are done, or so many have failed. `prepare` is called in each thread before its first schedule.
///
/// # Panics
/// If a thread could not be joined: a schedule never panics.
#[must_use]
pub fn run_many(
    household: &Household,
    plans: &[Plan],
    most_failures: usize,
    threads: usize,
    prepare: impl Fn() + Sync,
) -> Result {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    let result = Mutex::new((Counts::default(), Vec::new()));
    let work = || {
        prepare();
        let mut counts = Counts::default();
        let mut failures = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(plan) = plans.get(index).filter(|_| failed.load(Ordering::Relaxed) < most_failures) else { break };
            let report = run(household, plan);
            counts.add(&report.counts);
            if !report.violations.is_empty() {
                failed.fetch_add(1, Ordering::Relaxed);
                failures.push((index, report));
            }
        }
        let mut all = result.lock().expect("no thread panics while it holds the lock");
        all.0.add(&counts);
        all.1.append(&mut failures);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let (counts, mut failures) = result.into_inner().expect("no thread panics while it holds the lock");
    failures.sort_by_key(|(index, _)| *index);
    Result { counts, failures: failures.into_iter().map(|(_, report)| report).collect() }
}
