//! `tidegate-broker doctor`: finds what is wrong with a broker's configuration, addresses and store, and says what to change.

mod address;
mod catalogue;
mod check;
mod credentials;
mod failure;
mod findings;
mod hello;
mod store;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};

pub use catalogue::{CHECKS, Description, reference_table};
pub use check::{Check, Diagnosis, Status};
pub use findings::from_profile;

/// Looks at everything. Writes to the store below `users/probe-` and `_tidegate/probe/`, and deletes that again.
pub async fn examine(config: &Config, clock: Arc<dyn Clock>) -> Diagnosis {
    let (addresses, store) = tokio::join!(address::examine(config), store::examine(config, &clock));
    let mut checks = vec![Check::ok("configuration")];
    let is_usable = store.iter().any(|check| check.id == "store-credentials" && check.status == Status::Ok);
    checks.extend(addresses);
    checks.extend(store);
    if is_usable {
        checks.push(credentials::examine(config, clock.now()).await);
    }
    Diagnosis::complete(checks)
}

/// The diagnosis of a configuration that cannot be used.
#[must_use]
pub fn of_mistakes(error: &ConfigError) -> Diagnosis {
    let cause = error.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let check = Check::failed("configuration", cause, "correct the settings named; docs/config.md lists them all");
    Diagnosis::complete(vec![check])
}
