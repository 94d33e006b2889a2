//! Counting requests and bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::report::{Requests, Traffic};

/// What a request is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RequestKind {
    Get,
    Put,
    Head,
    List,
    Delete,
    Presign,
    Renew,
}

/// Counts what goes over the wire; each repeat counts again.
#[derive(Debug, Default)]
pub struct TrafficCounter {
    requests: [AtomicU64; 7],
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
}

impl TrafficCounter {
    pub(crate) fn request(&self, kind: RequestKind) {
        self.requests[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.bytes_up.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.bytes_down.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The sums so far.
    #[must_use]
    pub fn total(&self) -> Traffic {
        let count = |kind: RequestKind| self.requests[kind as usize].load(Ordering::Relaxed);
        Traffic {
            requests: Requests {
                get: count(RequestKind::Get),
                put: count(RequestKind::Put),
                head: count(RequestKind::Head),
                list: count(RequestKind::List),
                delete: count(RequestKind::Delete),
                presign: count(RequestKind::Presign),
                renew: count(RequestKind::Renew),
            },
            bytes_up: self.bytes_up.load(Ordering::Relaxed),
            bytes_down: self.bytes_down.load(Ordering::Relaxed),
        }
    }
}
