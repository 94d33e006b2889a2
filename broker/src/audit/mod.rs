//! The trace of what was done for whom: a line on standard output within milliseconds, and documents in the bucket in batches.
//!
//! Events name users, devices, kinds and numbers. What an object is called, what it holds, tokens, signed URLs and keys are in none.

mod batch;
mod event;
mod lines;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

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
    /// A line of JSON on standard output for each event, within milliseconds.
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
    /// Accounts that are being deleted: nothing is written of them, not even what was noted before.
    forgotten: RwLock<HashSet<UserId>>,
    metrics: Arc<Metrics>,
}

impl Audit {
    pub(crate) fn new(settings: AuditSettings, metrics: &Arc<Metrics>) -> Self {
        let lines = settings.stdout.then(|| Lines::to(std::io::stdout()));
        Self {
            settings,
            lines,
            batches: Batches::default(),
            due: Notify::new(),
            forgotten: RwLock::default(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Notes what was done. Never waits: what finds no room is counted as lost.
    pub(crate) fn note(&self, event: Event) {
        if let Some(lines) = &self.lines {
            let outcome = if lines.write(&event) { "written" } else { "lost-line" };
            self.metrics.audited(outcome, 1);
        }
        if self.settings.bucket && !self.is_forgotten(event.user) {
            if !self.batches.add(event) {
                self.metrics.audited("lost", 1);
            }
            if self.batches.is_large() {
                self.due.notify_one();
            }
        }
    }

    /// Writes nothing of the account into the bucket any more.
    pub(crate) fn forget(&self, user: UserId) {
        self.forgotten.write().unwrap_or_else(PoisonError::into_inner).insert(user);
    }

    /// Writes nothing of these accounts into the bucket any more, and of all others again.
    pub(crate) fn forget_only(&self, users: impl IntoIterator<Item = UserId>) {
        let users = users.into_iter().collect();
        *self.forgotten.write().unwrap_or_else(PoisonError::into_inner) = users;
    }

    fn is_forgotten(&self, user: UserId) -> bool {
        self.forgotten.read().unwrap_or_else(PoisonError::into_inner).contains(&user)
    }

    /// Seconds for which an event waits at most, while the store takes what it is given.
    pub(crate) const fn flush_seconds(&self) -> u64 {
        if self.settings.bucket { self.settings.flush_seconds } else { 0 }
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
        let due = batches.into_iter().filter(|(user, _)| !self.is_forgotten(*user));
        let writes: Vec<_> = due.map(|(user, events)| self.write(store, user, events, now)).collect();
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
