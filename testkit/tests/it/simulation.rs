use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_testkit::simulation::{Counts, Household, Plan, run};
use tidegate_testkit::store::Personality;

/// Schedules in all, half of them for each personality; `TIDEGATE_SCHEDULES` asks for more.
const SCHEDULES: u64 = 1_000;

#[test]
fn a_thousand_schedules_lose_nothing_on_any_store() {
    let wanted = std::env::var("TIDEGATE_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES);
    for personality in Personality::ALL {
        let counts = many(personality, wanted / 2);
        println!("{}: {} schedules, {} edits, {counts:?}", personality.name(), wanted / 2, counts.edits());
        for (what, count) in [
            ("edits", counts.edits()),
            ("puts", counts.puts),
            ("deletes", counts.deletes),
            ("resolutions", counts.resolutions),
            ("restorations", counts.restorations),
            ("attachments", counts.attachments),
            ("members", counts.members),
            ("conflicts", counts.conflicts),
            ("crashes", counts.crashes),
            ("lost requests and answers", counts.lost),
            ("syncs", counts.syncs),
        ] {
            assert_ne!(count, 0, "no {what} in any schedule: they show nothing");
        }
    }
}

/// Runs the schedules on all cores; the seed of each is its number, so the order does not matter.
fn many(personality: Personality, schedules: u64) -> Counts {
    let household = Household::new(1);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let mut counts = Counts::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= schedules {
                    return counts;
                }
                let report = run(&household, Plan::new(seed, personality));
                assert!(
                    report.violations.is_empty(),
                    "seed {seed} over {}: {:#?}\n{}",
                    personality.name(),
                    report.violations,
                    report.tail.join("\n")
                );
                counts.add(&report.counts);
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Counts::default();
        for worker in workers {
            match worker.join() {
                Ok(counts) => all.add(&counts),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let household = Household::new(1);
    for personality in Personality::ALL {
        let first = run(&household, Plan::new(7, personality));
        let again = run(&household, Plan::new(7, personality));
        assert_eq!(first, again);
        assert_ne!(first.trace_hash, run(&household, Plan::new(8, personality)).trace_hash);
    }
}
