//! What becomes of a whole account: its keys are replaced, an identity leaves it for another, it is deleted.

mod deletion;
pub(crate) mod generation;
mod reference;
pub(crate) mod reset;
mod rotate;

pub(crate) use deletion::{__path_delete_account, attend, delete_account, refuse_gone};
#[cfg(test)]
pub(crate) use deletion::{DeletionDocument, GoneDocument};
#[cfg(test)]
pub(crate) use generation::StatementDocument;
#[cfg(test)]
pub(crate) use reference::ReferenceDocument;
pub(crate) use reference::{note_link, note_slot};
pub(crate) use reset::{__path_reset_account, reset_account};
pub(crate) use rotate::{__path_rotate, rotate};
