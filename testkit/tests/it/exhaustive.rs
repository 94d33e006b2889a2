use tidegate_testkit::exhaustive::{play, scripts};
use tidegate_testkit::simulation::Household;
use tidegate_testkit::store::Personality;

#[test]
fn a_sample_of_the_small_scope_ends_well_and_is_the_same_every_time() {
    let household = Household::new(1);
    for script in scripts().iter().step_by(401) {
        let (world, visited) = play(&household, Personality::Atomic, script);
        assert!(world.violations.is_empty(), "{script:?}: {:?}\n{}", world.violations, world.trace.join("\n"));
        let (again, visited_again) = play(&household, Personality::Atomic, script);
        assert_eq!((world.trace, visited), (again.trace, visited_again));
    }
}
