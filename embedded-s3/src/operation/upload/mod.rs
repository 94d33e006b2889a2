//! Uploads in parts, one file for each operation.

mod abort;
mod complete;
mod copy_part;
mod create;
mod list;
mod part;

pub(super) use abort::abort;
pub(super) use complete::complete;
pub(super) use copy_part::copy_part;
pub(super) use create::create;
pub(super) use list::{list_parts, list_uploads};
pub(super) use part::put_part;
