//! `doctor`.

use std::path::Path;
use std::sync::Arc;

use super::commands::block_on;
use super::error::CliError;
use super::output::Output;
use crate::clock::SystemClock;
use crate::doctor::{self, Check, Diagnosis, Status};
use crate::{config, telemetry};

/// Checks that fail where something merely does not answer: trying later may help.
const REACHED: [&str; 3] = ["public-url", "store-endpoint", "store-public-endpoint"];

pub(super) fn run(file: &Path, output: &Output) -> Result<(), CliError> {
    telemetry::start("error");
    let environment = std::env::vars().filter(|(name, _)| name.starts_with("TIDEGATE_"));
    let diagnosis = match config::load(file, environment) {
        Ok(config) => block_on(async { Ok(doctor::examine(&config, Arc::new(SystemClock)).await) })?,
        Err(error) => doctor::of_mistakes(&error),
    };
    output.result(&diagnosis, || describe(&diagnosis));
    let mut failed = diagnosis.failed().peekable();
    if failed.peek().is_none() {
        return Ok(());
    }
    Err(CliError::told(failed.all(|check| REACHED.contains(&check.id))))
}

fn describe(diagnosis: &Diagnosis) -> String {
    let mut lines: Vec<String> = diagnosis.checks.iter().map(describe_check).collect();
    let count = |status: Status| diagnosis.checks.iter().filter(|check| check.status == status).count();
    lines.push(format!(
        "{} in order, {} to look at, {} failed, {} skipped",
        count(Status::Ok),
        count(Status::Warning),
        count(Status::Failed),
        count(Status::Skipped)
    ));
    lines.join("\n")
}

fn describe_check(check: &Check) -> String {
    let status = match check.status {
        Status::Ok => "ok",
        Status::Warning => "WARNING",
        Status::Failed => "FAILED",
        Status::Skipped => "skipped",
    };
    let cause = check.cause.as_ref().map(|cause| format!("  {cause}")).unwrap_or_default();
    let fix = check.fix.as_ref().map(|fix| format!("\n         fix: {fix}")).unwrap_or_default();
    format!("{status:<8} {:<24}{cause}{fix}", check.id)
}
