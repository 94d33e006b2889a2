//! A space's state: the changes present and the frontier, and how two states become one.

mod changes;
mod checkpoint;
mod conflict;
mod kind;
mod looked;
mod mass_delete;
mod merge;
mod origins;
mod past;
mod purge;
#[cfg(feature = "reference-model")]
pub mod reference;
mod retention;
mod winner;

pub(crate) use checkpoint::SharedOrigins;
pub use checkpoint::{
    CHECKPOINT_MINIMUM, KnownCheckpoint, KnownCheckpoints, changes_since, is_checkpoint_due, is_included, maximal,
};
pub use conflict::{Conflict, conflict};
pub use kind::{MergeContents, MergeKinds, UnionById};
pub use looked::Looked;
pub use mass_delete::{MassDelete, is_mass_delete, mass_delete};
pub use merge::{Merged, Present, State};
pub use origins::Origins;
pub use past::{ChangeStore, Outline};
pub use purge::due_for_purge;
pub use retention::{BACKSTOP_MS, FRESH_MS, KEPT_AFTER_MS, LATE_MS, OLD_MS, RETENTION_MS};
pub use winner::{are_one, next_version, superseded_by_delete, superseded_by_edit, winner};
