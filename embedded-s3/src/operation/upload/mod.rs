//! Uploads in parts, one file for each operation.

mod abort;
mod complete;
mod create;
mod list;
mod part;

pub(super) use abort::abort;
pub(super) use complete::complete;
pub(super) use create::create;
pub(super) use list::{list_parts, list_uploads};
pub(super) use part::put_part;
