//! Logs: one JSON object a line on standard error, with kinds, codes and times, never tokens, URLs, names or health values.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::traces::{self, Traces};

/// Starts logging to standard error by `TIDEGATE_LOG`, or else by `default`. Where the process logs already, nothing changes.
pub fn start(default: &str) {
    start_with(default, None);
}

/// The same, and traces beside the logs.
pub fn start_with(default: &str, traces: Option<&Traces>) {
    let filter = std::env::var("TIDEGATE_LOG").ok().and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let lines = lines.with_filter(filter_fn(is_discreet)).with_filter(filter);
    let _ = registry().with(lines).with(traces.map(Traces::layer)).try_init();
}

/// Libraries below us log whole requests, signed URLs included: of them only warnings pass, and of `s3s`, which warns with requests,
/// nothing.
fn is_discreet(event: &Metadata<'_>) -> bool {
    let target = event.target();
    let is_ours = target.starts_with("tidegate") && target != traces::TARGET;
    is_ours || (*event.level() <= Level::WARN && !target.starts_with("s3s"))
}
