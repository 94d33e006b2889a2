//! The request that this process read its secrets again.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGHUP, caught from [`ReloadRequest::catch`] on: uncaught it ends the process.
#[derive(Debug)]
pub(crate) struct ReloadRequest {
    #[cfg(unix)]
    hang_up: Signal,
}

impl ReloadRequest {
    /// Begins to catch; within a Tokio runtime.
    #[cfg(unix)]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self { hang_up: signal(SignalKind::hangup())? })
    }

    /// Begins to catch; within a Tokio runtime.
    #[cfg(not(unix))]
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Done when the request has come, be it before this was called.
    #[cfg(unix)]
    pub(crate) async fn received(&mut self) {
        self.hang_up.recv().await;
    }

    /// Never done: there is no such signal here.
    #[cfg(not(unix))]
    pub(crate) async fn received(&mut self) {
        std::future::pending().await
    }
}
