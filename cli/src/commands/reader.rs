//! Whoever reads the lines of a watch.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::failure::Failure;

/// A reader who may go away; that ends the watch, too.
pub(super) struct Reader {
    told: Mutex<Result<(), Failure>>,
    gone: Notify,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { told: Mutex::new(Ok(())), gone: Notify::new() }
    }

    /// Takes note of how a line was received.
    pub(super) fn took(&self, line: Result<(), Failure>) {
        if line.is_err() {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = line;
            self.gone.notify_one();
        }
    }

    /// Done with `stop`, or when nobody reads any more.
    pub(super) async fn gone_or(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.gone.notified() => {}
        }
    }

    /// How the last line was received.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.told.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
