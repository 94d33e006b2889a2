//! The doctor: everything that is planted is found by its name, with its cause and what to change.

mod addresses;
mod command;
mod personality;
mod store;
mod tls;

use std::sync::Arc;

use tidegate_broker::clock::SystemClock;
use tidegate_broker::config::Config;
use tidegate_broker::doctor::{Diagnosis, Status, examine};

async fn diagnose(config: &Config) -> Diagnosis {
    examine(config, Arc::new(SystemClock)).await
}

/// The check ended so, says this in its cause, and what to change.
#[track_caller]
fn assert_found(diagnosis: &Diagnosis, id: &str, status: Status, cause: &str) {
    let check = diagnosis.check(id).unwrap_or_else(|| panic!("no check {id}"));
    assert_eq!(check.status, status, "{diagnosis:#?}");
    assert!(check.cause.as_deref().unwrap_or_default().contains(cause), "{check:?}");
    assert!(!check.fix.as_deref().unwrap_or_default().is_empty(), "{check:?}");
}
