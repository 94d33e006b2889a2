//! An S3 server in the process, for development, tests and one-machine self-hosting.
//!
//! The [`s3s`] crate speaks the protocol and checks the signatures; everything that decides is here: an index in SQLite, bodies as
//! files, preconditions inside the commit, access keys with rights by action and prefix, and the refusal of every request that a
//! stricter store would refuse (anonymous, signature version 2, unsigned `x-amz-*` headers, ...).
//!
//! What this crate does not do, by design: it never shows an object whose checksum, length or precondition failed, and it never
//! follows a header that the signature does not cover.
//!
//! The `s3s` target logs whole requests, presigned URLs included, at debug level, and every refusal at error level: subscribers
//! should turn that target off.

mod access;
mod body;
mod clock;
mod config;
mod cors;
mod document;
mod drain;
mod error;
mod index;
mod lock;
mod operation;
mod serve;
mod store;

pub use clock::Clock;
pub use config::{AccessKey, Action, Config, Rule};
pub use error::{OpenError, StoreError};
pub use serve::S3Service;
pub use store::{Store, StoredObject};
