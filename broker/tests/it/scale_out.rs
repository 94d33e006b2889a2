//! Three replicas behind nginx over one real SeaweedFS.

mod fleet;
mod notifications;
mod sessions;

use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(180);
