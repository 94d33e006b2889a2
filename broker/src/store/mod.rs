//! The broker's own dealings with the store, by the `state` credential: small JSON documents below `_tidegate/`, existence checks,
//! deletions. Bodies of users' objects never pass here.

mod client;
mod create_once;
mod listed;
mod multipart;
mod profile;
mod swap;

pub(crate) use client::{Listed, StoreClient, StoreError};
pub(crate) use create_once::create_once;
pub(crate) use listed::{put_and_rank, rank, ranked};
pub(crate) use multipart::{CompletedPart, Completion, StoredPart, Whole, composite_text};
pub use profile::{Addressing, StoreConfig, StoreCredential};
pub(crate) use swap::{Swap, read, swap};
