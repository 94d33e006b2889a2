//! Runs seeded schedules of the simulation: `simulate --schedules 10000 --seed 1 [--personality NAME] [--bug NAME] [--json]`.

use std::process::ExitCode;

use tidegate_testkit::simulation::{Bug, Counts, Household, Plan, run};
use tidegate_testkit::store::Personality;

struct Arguments {
    schedules: u64,
    seed: u64,
    personalities: Vec<Personality>,
    bug: Option<Bug>,
    json: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            eprintln!("usage: simulate [--schedules N] [--seed S] [--personality NAME] [--bug NAME] [--json]");
            return ExitCode::from(2);
        }
    };
    let household = Household::new(1);
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.schedules) {
        for personality in &arguments.personalities {
            let plan = Plan { bug: arguments.bug, ..Plan::new(seed, *personality) };
            let report = run(&household, plan);
            counts.add(&report.counts);
            if !report.violations.is_empty() {
                eprintln!("seed {seed}, {}: {:?}", personality.name(), report.violations);
                failures.push((seed, personality.name()));
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::json!({ "counts": counts, "failures": failures }));
    } else {
        println!("{counts:#?}");
        println!("{} schedules failed", failures.len());
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { schedules: 1_000, seed: 1, personalities: Personality::ALL.to_vec(), bug: None, json: false };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--schedules" => arguments.schedules = number(&value()?)?,
            "--seed" => arguments.seed = number(&value()?)?,
            "--personality" => arguments.personalities = vec![value()?.parse()?],
            "--bug" => {
                let name = value()?;
                let bug = Bug::ALL.into_iter().find(|bug| bug.name() == name);
                arguments.bug = Some(bug.ok_or_else(|| format!("there is no bug {name:?}"))?);
            }
            "--json" => arguments.json = true,
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    Ok(arguments)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}
