//! Bugs planted on purpose, from outside: each turns what the engine says into what an engine with that bug would have said.
//! A simulation that does not find them proves nothing.

use tidegate_sync_core::engine::{Edit, Persist, Row, Step};
use tidegate_sync_core::manifest::Op;

use tidegate_sync_core::state::{State, winner};

/// One planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bug {
    /// The segment goes up before the objects that it names.
    SegmentBeforeObjects,
    /// A delete supersedes the winner alone.
    DeleteOfTheWinnerAlone,
    /// The doorbell's ETag is kept before its segments are applied.
    EtagKeptTooEarly,
    /// The wish to ring is not persisted.
    RingNotDurable,
    /// A built segment is not persisted before it is sent.
    BuiltNotPersisted,
    /// The frontier is written before the changes that it covers.
    FrontierBeforeChanges,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SegmentBeforeObjects,
        Self::DeleteOfTheWinnerAlone,
        Self::EtagKeptTooEarly,
        Self::RingNotDurable,
        Self::BuiltNotPersisted,
        Self::FrontierBeforeChanges,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SegmentBeforeObjects => "segment-before-objects",
            Self::DeleteOfTheWinnerAlone => "delete-of-the-winner-alone",
            Self::EtagKeptTooEarly => "etag-kept-too-early",
            Self::RingNotDurable => "ring-not-durable",
            Self::BuiltNotPersisted => "built-not-persisted",
            Self::FrontierBeforeChanges => "frontier-before-changes",
        }
    }

    /// What this bug makes of a batch: what is written first, and what is written after a point at which a crash may come.
    pub(super) fn split(self, batch: &Persist) -> Option<(Persist, Persist)> {
        let part = |keep: &dyn Fn(&Row) -> bool| Persist {
            step: batch.step,
            rows: batch.rows.iter().filter(|row| keep(row)).cloned().collect(),
        };
        let is_covered = |row: &Row| matches!(row, Row::PutCovered { .. });
        (self == Self::FrontierBeforeChanges && batch.step == Step::Segments)
            .then(|| (part(&is_covered), part(&|row| !is_covered(row))))
    }

    /// What this bug leaves of a batch on disk.
    pub(super) fn leave(self, batch: &Persist) -> Persist {
        let mut batch = batch.clone();
        match self {
            Self::RingNotDurable => {
                for row in &mut batch.rows {
                    if let Row::PutDoorbell(memory) = row {
                        memory.ring = false;
                    }
                }
            }
            Self::BuiltNotPersisted => batch.rows.retain(|row| !matches!(row, Row::PutBuilt { .. })),
            Self::SegmentBeforeObjects | Self::DeleteOfTheWinnerAlone | Self::EtagKeptTooEarly | Self::FrontierBeforeChanges => {}
        }
        batch
    }

    /// What this bug makes of an edit.
    pub(super) fn spoil(self, edit: &mut Edit, state: &State) {
        if self != Self::DeleteOfTheWinnerAlone {
            return;
        }
        let shown = winner(state.heads_of_target(edit.target)).map(|head| head.cid);
        for row in &mut edit.batch.rows {
            if let Row::PutChange { change, .. } = row
                && change.op == Op::Delete
            {
                change.supersedes = shown.into_iter().collect();
            }
        }
    }
}
