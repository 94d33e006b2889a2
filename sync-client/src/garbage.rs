//! What a collection of garbage tells.

use tidegate_protocol::MemberId;
use tidegate_sync_core::engine;
use time::OffsetDateTime;

use crate::report::SyncReport;
use crate::view;

/// What a collection of garbage did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectReport {
    /// Whether nothing was to be deleted, moved or sent.
    pub dry_run: bool,
    /// What was deleted.
    pub deleted: DeletedObjects,
    /// What nothing refers to, and which is not old enough yet.
    pub waiting: Vec<WaitingObjects>,
    /// The members of whom nothing was deleted, because something of theirs cannot be read.
    pub held: Vec<HeldMember>,
    /// What was moved out of half-empty packs.
    pub repacked: RepackedObjects,
    /// Objects that should have gone, and that the store or the broker would not delete: too young by its own clock, or the
    /// day's deletions are used up. They are looked at again the next time.
    pub refused: u64,
    /// Objects that should have gone, had there been time. They go the next time.
    pub left: u64,
    /// The sync that went with it.
    pub sync: SyncReport,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletedObjects {
    /// Records, attachments and packs.
    pub objects: u64,
    /// Segments.
    pub segments: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Their stored bytes together.
    pub bytes: u64,
}

/// Garbage of one family member that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingObjects {
    /// The family member; `None` for the account's own space.
    pub member_id: Option<MemberId>,
    /// How many objects.
    pub objects: u64,
    /// Their stored bytes together.
    pub bytes: u64,
    /// When the first of them may go; `None` where the store does not tell their age.
    pub next_at: Option<OffsetDateTime>,
}

/// A family member of whom nothing was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMember {
    /// The family member; `None` for the account's own space.
    pub member_id: Option<MemberId>,
    /// Why, by a stable code: `hole`, `unreadable`, `unknown-place`, `not-listed`.
    pub reason: String,
}

/// What was moved out of half-empty packs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RepackedObjects {
    /// Packs that hold nothing of use any more; they go a week later.
    pub packs: u64,
    /// Contents that lie elsewhere now.
    pub items: u64,
}

/// From what the engine says to what apps see.
pub(crate) fn report_of(collected: &engine::Collected, sync: SyncReport) -> CollectReport {
    let engine::Collected { dry_run, deleted, waiting, held, repacked, refused, left } = collected;
    let waits = |waiting: &engine::WaitingObjects| WaitingObjects {
        member_id: waiting.space.member(),
        objects: waiting.objects,
        bytes: waiting.bytes,
        next_at: Some(waiting.next_at_ms).filter(|at_ms| *at_ms < u64::MAX).map(view::time_of_millis),
    };
    let is_held = |held: &engine::Held| HeldMember { member_id: held.space.member(), reason: held.hindrance.code().to_owned() };
    let engine::Deleted { objects, segments, checkpoints, bytes } = *deleted;
    CollectReport {
        dry_run: *dry_run,
        deleted: DeletedObjects { objects, segments, checkpoints, bytes },
        waiting: waiting.iter().map(waits).collect(),
        held: held.iter().map(is_held).collect(),
        repacked: RepackedObjects { packs: repacked.packs, items: repacked.items },
        refused: *refused,
        left: *left,
        sync,
    }
}
