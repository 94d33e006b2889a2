//! What a collection is told, and what it tells.

use tidegate_protocol::Space;

use crate::garbage::Hindrance;

/// How a collection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectOptions {
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What a collection has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// Whether nothing was to be touched.
    pub dry_run: bool,
    /// What was deleted.
    pub deleted: Deleted,
    /// What is garbage and not old enough.
    pub waiting: Vec<WaitingObjects>,
    /// The spaces in which nothing was collected, and why.
    pub held: Vec<Held>,
    /// What was moved out of half-empty packs.
    pub repacked: Repacked,
    /// Objects that should have gone and that the store or the broker would not delete.
    pub refused: u64,
    /// Objects that should have gone, had there been time.
    pub left: u64,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Records, attachments and packs.
    pub objects: u64,
    /// Segments.
    pub segments: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Their stored bytes together.
    pub bytes: u64,
}

/// Garbage of one space that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingObjects {
    /// The space.
    pub space: Space,
    /// How many objects.
    pub objects: u64,
    /// Their stored bytes together.
    pub bytes: u64,
    /// When the first of them may go, in milliseconds since 1970.
    pub next_at_ms: u64,
}

/// A space in which nothing was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The space.
    pub space: Space,
    /// Why.
    pub hindrance: Hindrance,
}

/// What was moved out of half-empty packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repacked {
    /// Packs that hold nothing of use any more; they go *old* later.
    pub packs: u64,
    /// Contents that lie elsewhere now.
    pub items: u64,
}
