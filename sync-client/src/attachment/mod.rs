//! Contents: read from where the app has them, fetched from where the store has them.

mod download;
mod upload;

pub(crate) use download::{fetch, limit_of};
pub(crate) use upload::read;

/// The longest record body in bytes.
pub(crate) const MAX_RECORD_BYTES: u64 = tidegate_sync_core::manifest::MAX_RECORD_BYTES;
/// The longest attachment in bytes that goes up in one PUT.
pub(crate) const MAX_ATTACHMENT_BYTES: u64 = tidegate_sync_core::manifest::MAX_SINGLE_ATTACHMENT_BYTES;
