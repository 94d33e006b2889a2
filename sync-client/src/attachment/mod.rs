//! Contents: read from where the app has them, kept sealed in files, sent to the store and fetched from it.
//!
//! An attachment lies on the device as the very bytes that lie, or will lie, in the store: sealed once when it is attached, sent as
//! it is as often as it takes, and kept as it came when it is fetched. None is ever held whole in memory.

mod budget;
mod cache;
mod download;
mod folder;
mod hashes;
mod incoming;
mod keep;
mod open;
mod parts;
mod seal;
mod source;
mod upload;
mod verify;
mod writing;

pub(crate) use budget::Budget;
pub use cache::Evicted;
pub(crate) use cache::evict;
pub(crate) use download::{Goal, fetch, fetch_attachment, limit_of};
pub(crate) use hashes::{ObjectHashes, goes_in_parts};
pub(crate) use keep::{Filed, LocalContent, seal_for_attach};
pub(crate) use open::{SealedReader, damage};
pub(crate) use seal::name;
pub(crate) use source::{OpenSource, read};
pub(crate) use upload::{Uploads, prepared_put};
pub(crate) use writing::{begin_anew, unwritable};

/// The longest record body in bytes.
pub(crate) const MAX_RECORD_BYTES: u64 = tidegate_sync_core::manifest::MAX_RECORD_BYTES;
/// The longest attachment in bytes.
pub const MAX_ATTACHMENT_BYTES: u64 = tidegate_sync_core::manifest::MAX_ATTACHMENT_BYTES;
/// The longest attachment in bytes that goes up in one PUT, and that is read into memory.
pub(crate) const MAX_SINGLE_ATTACHMENT_BYTES: u64 = tidegate_sync_core::manifest::MAX_SINGLE_ATTACHMENT_BYTES;
