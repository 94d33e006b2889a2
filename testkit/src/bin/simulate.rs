//! Runs seeded schedules of the simulation, `simulate --schedules 10000 --seed 1 [--personality NAME] [--json]`, or searches
//! through a small scope, `simulate --exhaustive`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use tidegate_sync_core::planted::Bug;
use tidegate_testkit::exhaustive::search;
use tidegate_testkit::simulation::{Fault, Household, Plan, Report, Violation, all_cores, run_many, shrink};
use tidegate_testkit::store::Personality;

const USAGE: &str = "usage: simulate [--schedules N] [--seed S] [--personality NAME] [--threads N] [--json] [--failures N] \
                     [--shrink RUNS] [--require-counts] [--exhaustive] [--bug NAME] [--trace] [--collector] [--without FAULT,...] [--with FAULT,...] [--devices N] [--steps N] [--only STEP,...]";

struct Arguments {
    schedules: u64,
    seed: u64,
    personality: Option<Personality>,
    json: bool,
    failures: usize,
    shrink: usize,
    require_counts: bool,
    exhaustive: bool,
    threads: usize,
    bug: Option<Bug>,
    trace: bool,
    collector: bool,
    without: BTreeSet<Fault>,
    with: BTreeSet<Fault>,
    devices: Option<u64>,
    steps: Option<usize>,
    only: Option<BTreeSet<usize>>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    // What panics is reported with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.exhaustive {
        return search_through(&arguments);
    }
    let household = Household::new(1);
    plant(arguments.bug);
    let bug = arguments.bug;
    let result = run_many(&household, &plans(&arguments), arguments.failures, arguments.threads, || plant(bug));
    for report in &result.failures {
        tell(&household, report, &arguments);
    }
    let never = if arguments.require_counts { result.counts.missing() } else { Vec::new() };
    if arguments.json {
        let failures: Vec<String> = result.failures.iter().map(|report| report.plan.words()).collect();
        println!("{}", serde_json::json!({ "counts": result.counts, "failures": failures, "never": never }));
    } else {
        println!("{:#?}", result.counts);
        println!("{} schedules, {} failed", result.counts.schedules, result.failures.len());
    }
    if !never.is_empty() {
        eprintln!("never happened: {}", never.join(", "));
    }
    if result.failures.is_empty() && never.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn search_through(arguments: &Arguments) -> ExitCode {
    let searched = search(arguments.personality.unwrap_or(Personality::Atomic), arguments.threads);
    for (script, violation) in searched.failures.iter().take(arguments.failures) {
        eprintln!("failed: {script:?}: {violation}");
    }
    let failed = searched.failures.len();
    if arguments.json {
        println!("{}", serde_json::json!({ "schedules": searched.schedules, "states": searched.states, "failed": failed }));
    } else {
        println!("{} schedules through {} states, {failed} failed", searched.schedules, searched.states);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

#[cfg(feature = "planted-bugs")]
fn plant(bug: Option<Bug>) {
    tidegate_sync_core::planted::choose(bug);
}

#[cfg(not(feature = "planted-bugs"))]
fn plant(bug: Option<Bug>) {
    if bug.is_some() {
        eprintln!("no bug is planted: that takes the feature planted-bugs");
        std::process::exit(2);
    }
}

/// Each schedule has its seed, and without a personality asked for they take turns.
fn plans(arguments: &Arguments) -> Vec<Plan> {
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.schedules);
    let plan = |seed: u64| {
        let turn = usize::try_from(seed % Personality::ALL.len() as u64).unwrap_or(0);
        let mut plan = Plan::new(seed, arguments.personality.unwrap_or(Personality::ALL[turn]));
        plan.without.extend(arguments.without.iter().copied());
        plan.without.retain(|fault| !arguments.with.contains(fault));
        plan.has_collector |= arguments.collector;
        plan.devices = arguments.devices.unwrap_or(plan.devices);
        plan.steps = arguments.steps.unwrap_or(plan.steps);
        plan.only.clone_from(&arguments.only);
        plan
    };
    seeds.map(plan).collect()
}

fn tell(household: &Household, report: &Report, arguments: &Arguments) {
    eprintln!("failed: simulate {}: {}", report.plan.words(), first(&report.violations));
    let mut tail = report.tail.clone();
    if arguments.shrink > 0 {
        let smaller = shrink(household, &report.plan, arguments.shrink);
        let again = tidegate_testkit::simulation::run(household, &smaller);
        eprintln!("smaller, {} steps: simulate {}: {:?}", smaller.taken().len(), smaller.words(), first(&again.violations));
        tail = again.tail;
    }
    if arguments.trace {
        eprintln!("{}", tail.join("\n"));
    }
}

/// The first of what was found; each device finds the same again.
fn first(violations: &[Violation]) -> String {
    let shown: Vec<String> = violations.iter().take(2).map(|violation| format!("{violation:?}")).collect();
    format!("{} ({} in all)", shown.join(", "), violations.len())
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        schedules: 1_000,
        seed: 1,
        personality: None,
        json: false,
        failures: 10,
        shrink: 400,
        require_counts: false,
        exhaustive: false,
        threads: all_cores(),
        bug: None,
        trace: false,
        collector: false,
        without: BTreeSet::new(),
        with: BTreeSet::new(),
        devices: None,
        steps: None,
        only: None,
    };
    let mut schedules = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--schedules" => schedules = Some(number(&value()?)?),
            "--seed" => arguments.seed = number(&value()?)?,
            "--personality" => arguments.personality = Some(value()?.parse()?),
            "--json" => arguments.json = true,
            "--failures" => arguments.failures = number(&value()?)?,
            "--shrink" => arguments.shrink = number(&value()?)?,
            "--require-counts" => arguments.require_counts = true,
            "--exhaustive" => arguments.exhaustive = true,
            "--threads" => arguments.threads = number(&value()?)?,
            "--bug" => arguments.bug = Some(value()?.parse()?),
            "--trace" => arguments.trace = true,
            "--collector" => arguments.collector = true,
            "--without" => arguments.without = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--with" => arguments.with = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--devices" => arguments.devices = Some(number(&value()?)?),
            "--steps" => arguments.steps = Some(number(&value()?)?),
            "--only" => arguments.only = Some(value()?.split(',').map(number).collect::<Result<_, _>>()?),
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    // A schedule that is given step by step is one.
    arguments.schedules = schedules.unwrap_or(if arguments.only.is_some() { 1 } else { arguments.schedules });
    Ok(arguments)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}
