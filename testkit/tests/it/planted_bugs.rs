use tidegate_testkit::simulation::{Bug, Household, Plan, run};
use tidegate_testkit::store::Personality;

/// Within so many schedules every planted bug must show.
const SCHEDULES: u64 = 300;

fn is_found(bug: Bug) {
    let household = Household::new(1);
    for seed in 0..SCHEDULES {
        for personality in Personality::ALL {
            let report = run(&household, Plan::new(seed, personality).with_bug(bug));
            if let Some(violation) = report.violations.first() {
                println!("{}: found with seed {seed} over {}: {violation:?}", bug.name(), personality.name());
                return;
            }
        }
    }
    panic!("{} was not found in {SCHEDULES} schedules", bug.name());
}

#[test]
fn a_segment_before_its_objects_is_found() {
    is_found(Bug::SegmentBeforeObjects);
}

#[test]
fn a_delete_of_the_winner_alone_is_found() {
    is_found(Bug::DeleteOfTheWinnerAlone);
}

#[test]
fn an_etag_kept_too_early_is_found() {
    is_found(Bug::EtagKeptTooEarly);
}

#[test]
fn a_ring_that_is_not_durable_is_found() {
    is_found(Bug::RingNotDurable);
}

#[test]
fn a_built_segment_that_is_not_persisted_is_found() {
    is_found(Bug::BuiltNotPersisted);
}

#[test]
fn a_frontier_before_its_changes_is_found() {
    is_found(Bug::FrontierBeforeChanges);
}
