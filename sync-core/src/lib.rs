//! The sync engine without IO: keys, the crypto envelope, manifests, merge and clocks.
//!
//! Time, randomness and ids come in as arguments, so that every decision can be replayed from a seed.

mod base64url;
pub mod clock;
pub mod engine;
pub mod envelope;
pub mod garbage;
pub mod keys;
mod lazy;
pub mod manifest;
pub mod notice;
#[doc(hidden)]
pub mod planted;
pub mod quarantine;
pub mod state;
