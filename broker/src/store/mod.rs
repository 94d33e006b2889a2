//! The broker's own dealings with the store, by the `state` credential: small JSON documents below `_tidegate/`, existence checks,
//! deletions. Bodies of users' objects never pass here.

mod client;
mod create_once;
mod fitness;
#[cfg(test)]
mod fuse;
mod listed;
mod multipart;
mod probing;
mod profile;
mod swap;

#[cfg(test)]
pub(crate) use client::Condition;
pub(crate) use client::{Listed, StoreClient, StoreError};
pub(crate) use create_once::create_once;
pub(crate) use listed::{folder_of, put_and_rank, rank, ranked};
#[cfg(test)]
pub(crate) use multipart::composite_text;
pub(crate) use multipart::{CompletedPart, Completion, StoredPart, Whole, tells_composite};
#[cfg(test)]
pub(crate) use probing::ProfileDocument;
pub(crate) use probing::{ProbingError, established};
pub use profile::{Addressing, Probing, StoreConfig, StoreCredential};
pub(crate) use swap::{Swap, read, swap};
