//! The request that this process end.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM or SIGINT, caught from [`StopRequest::catch`] on.
///
/// Caught before the process says that it is ready: whoever reads that may ask it to end at once, and an uncaught signal ends it without finishing what is under way.
#[derive(Debug)]
pub(crate) struct StopRequest {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
}

impl StopRequest {
    /// Begins to catch; within a Tokio runtime.
    #[cfg(unix)]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Begins to catch; within a Tokio runtime.
    #[cfg(not(unix))]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Done when the request has come, be it before this was called.
    #[cfg(unix)]
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Done when the request has come.
    #[cfg(not(unix))]
    pub(crate) async fn received(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
