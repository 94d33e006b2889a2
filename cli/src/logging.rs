//! `-v`: what the libraries do, on standard error. Kinds and sizes, never secrets: those stay out of logs where they are written.

use tracing_subscriber::EnvFilter;

/// Our own crates; others may log whole requests, signed URLs included.
const OURS: [&str; 5] = ["tidegate", "tidegate_sync_client", "tidegate_sync_core", "tidegate_broker", "tidegate_embedded_s3"];

/// Starts logging if `-v` asks for it.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "info",
        _ => "debug",
    };
    let filter = OURS.iter().fold("off".to_owned(), |filter, name| format!("{filter},{name}={level}"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(EnvFilter::new(filter)).with_ansi(false).init();
}
