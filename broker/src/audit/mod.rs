//! The trace of what was done for whom: a line on standard output at once, and documents in the bucket in batches.
//!
//! Events name users, devices, kinds and numbers. What an object is called, what it holds, tokens, signed URLs and keys are in none.

mod batch;
mod event;
mod lines;

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use tidegate_protocol::UserId;
use time::OffsetDateTime;
use tokio::sync::Notify;

pub(crate) use batch::BatchDocument;
pub(crate) use event::{Action, Event, Signed, kind_of};

use self::batch::Batches;
use self::lines::Lines;
use crate::metrics::Metrics;
use crate::store::{StoreClient, StoreError};

/// Documents that are written at once.
const WRITES_AT_ONCE: usize = 8;

/// Where the trace goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditSettings {
    /// A line of JSON on standard output for each event, at once.
    pub stdout: bool,
    /// Documents below `_tidegate/audit/`, in batches.
    pub bucket: bool,
    /// Seconds between batches.
    pub flush_seconds: u64,
}

impl AuditSettings {
    /// No trace beyond that of deletions: for a broker that only its own machine reaches.
    pub const OFF: Self = Self { stdout: false, bucket: false, flush_seconds: 900 };
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { stdout: true, bucket: true, flush_seconds: 900 }
    }
}

/// Takes events and sees them off.
pub(crate) struct Audit {
    settings: AuditSettings,
    lines: Option<Lines>,
    batches: Batches,
    due: Notify,
    metrics: Arc<Metrics>,
}

impl Audit {
    pub(crate) fn new(settings: AuditSettings, metrics: &Arc<Metrics>) -> Self {
        let lines = settings.stdout.then(|| Lines::to(std::io::stdout()));
        Self { settings, lines, batches: Batches::default(), due: Notify::new(), metrics: Arc::clone(metrics) }
    }

    /// Notes what was done. Never waits: what finds no room is counted as lost.
    pub(crate) fn note(&self, event: Event) {
        if let Some(lines) = &self.lines {
            let outcome = if lines.write(&event) { "written" } else { "lost-line" };
            self.metrics.audited(outcome, 1);
        }
        if self.settings.bucket {
            if !self.batches.add(event) {
                self.metrics.audited("lost", 1);
            }
            if self.batches.is_large() {
                self.due.notify_one();
            }
        }
    }

    /// Events that are not in the bucket yet.
    pub(crate) fn pending(&self) -> usize {
        self.batches.len()
    }

    /// Done when a batch is to be written: after the configured time, or when many events have come.
    pub(crate) async fn until_due(&self) {
        let time = std::time::Duration::from_secs(self.settings.flush_seconds);
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.due.notified() => {}
        }
    }

    /// Writes what has come, one document for each user. What the store does not take is kept for the next time.
    pub(crate) async fn flush(&self, store: &StoreClient, now: OffsetDateTime) {
        let batches = self.batches.take();
        let writes: Vec<_> = batches.into_iter().map(|(user, events)| self.write(store, user, events, now)).collect();
        let outcomes: Vec<Result<(), StoreError>> = stream::iter(writes).buffer_unordered(WRITES_AT_ONCE).collect().await;
        if let Some(error) = outcomes.into_iter().find_map(Result::err) {
            tracing::warn!(%error, "audit events could not be written; they are kept and tried again");
        }
    }

    async fn write(&self, store: &StoreClient, user: UserId, events: Vec<Event>, now: OffsetDateTime) -> Result<(), StoreError> {
        let document = BatchDocument::new(user, events, now);
        let count = u64::try_from(document.events.len()).unwrap_or(u64::MAX);
        match store.put_document(&document.key(), &document).await {
            Ok(()) => {
                self.metrics.audited("stored", count);
                Ok(())
            }
            Err(error) => {
                let lost = self.batches.put_back(user, document.events);
                self.metrics.audited("lost", u64::try_from(lost).unwrap_or(u64::MAX));
                Err(error)
            }
        }
    }
}
