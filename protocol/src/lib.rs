//! What the Tidegate broker and the sync client must agree on, and nothing else.
//!
//! Object keys ([`ObjectKey`]: parse and format), the requests and replies of the broker's HTTP API, the problem codes that
//! its errors carry, the scopes that a token may hold, and the derivations that both halves compute (user id, device id,
//! account proof). No IO, no clock, no randomness.

pub mod account;
pub mod capability;
pub mod credentials;
pub mod delete;
pub mod deletion;
pub mod device;
pub mod genesis;
mod key;
pub mod keys_statement;
pub mod limits;
pub mod multipart;
pub mod oidc;
pub mod presign;
pub mod problem;
pub mod reset;
pub mod rotation;
pub mod scope;
pub mod session;
pub mod subscription;
pub mod wire;

pub use key::{
    AccountFolder, ChainId, ContentHmac, DeviceId, Digest, GrantId, InvalidId, InvalidKey, ListPrefix, MAX_KEY_BYTES, MAX_NUMBER,
    MemberId, ObjectKey, ReadPrefix, RecordId, Sha256, Space, StateKey, StoreEnvironment, TokenHolder, UserId,
};
