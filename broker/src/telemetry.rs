//! Logs: one JSON object a line on standard error, with kinds, codes and times, never tokens, URLs, names or health values.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

/// Starts logging to standard error by `TIDEGATE_LOG`, or else by `default`. Where the process logs already, nothing changes.
pub fn start(default: &str) {
    let filter = std::env::var("TIDEGATE_LOG").ok().and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let lines = lines.with_filter(filter_fn(is_discreet)).with_filter(filter);
    let _ = registry().with(lines).try_init();
}

/// Libraries below us log whole requests, signed URLs included: of them only warnings pass, and of `s3s`, which warns with requests,
/// nothing.
fn is_discreet(event: &Metadata<'_>) -> bool {
    let target = event.target();
    let is_ours = target.starts_with("tidegate");
    is_ours || (*event.level() <= Level::WARN && !target.starts_with("s3s"))
}
