//! A space's state: the changes present and the frontier, and how two states become one.

mod conflict;
mod merge;
#[cfg(feature = "reference-model")]
pub mod reference;
mod retention;
mod winner;

pub use conflict::{Conflict, conflict};
pub use merge::{Present, State};
pub use retention::{BACKSTOP_MS, FRESH_MS, LATE_MS, OLD_MS, RETENTION_MS};
pub use winner::{are_one, next_version, superseded_by_delete, superseded_by_edit, winner};
