//! Logs: one JSON object a line on standard error, with kinds, codes and times, never tokens, URLs, names or health values.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt;

/// Libraries that log requests, signed URLs included.
const SILENT: [&str; 5] = ["s3s=off", "aws_smithy_runtime=warn", "aws_sdk_s3=warn", "hyper=warn", "hyper_util=warn"];

/// Starts logging to standard error by `TIDEGATE_LOG` (default `info`). A second call changes nothing.
pub fn start(default: &str) {
    let filter = std::env::var("TIDEGATE_LOG").unwrap_or_else(|_| default.to_owned());
    let mut filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new(default));
    for directive in SILENT.iter().filter_map(|text| text.parse::<Directive>().ok()) {
        filter = filter.add_directive(directive);
    }
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // Fails only where the process logs already, as the CLI's demo does.
    let _ = lines.json().flatten_event(true).try_init();
}
