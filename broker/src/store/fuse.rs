//! Ends a test's broker after a number of calls to the store: what the last one did is done, and nothing comes after it.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// Counts calls down.
#[derive(Debug)]
pub(crate) struct Fuse {
    left: AtomicI64,
    burnt: Notify,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { left: AtomicI64::new(i64::MAX), burnt: Notify::new() }
    }
}

impl Fuse {
    /// Lets so many calls be done, and no reply of the last reach who made it.
    pub(crate) fn set(&self, calls: i64) {
        self.left.store(calls, Ordering::SeqCst);
    }

    /// Done when the last call is.
    pub(crate) async fn until_burnt(&self) {
        self.burnt.notified().await;
    }

    pub(super) async fn burn(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.burnt.notify_one();
            std::future::pending::<()>().await;
        }
    }
}
