//! From a device key to tokens, and from tokens to a caller: ES256 tokens, DPoP proofs (RFC 9449), revocation.

mod access;
mod caller;
mod grant;
mod jwk;
mod keys;
mod nonce;
mod proof;
mod renew;
mod renewal;
mod replay;
mod revocation;
mod token;

pub(crate) use access::{AccessTokens, IdentityClaims, WayIn};
pub(crate) use caller::{Caller, MaybeProvenKey, ProvenKey};
pub(crate) use grant::{SessionGrant, open_full, open_limited};
pub(crate) use keys::JwkSet;
pub use keys::{InvalidSigningKey, NewSigningKey, SigningKeys};
pub(crate) use nonce::Nonces;
pub(crate) use renew::{__path_renew, renew};
#[cfg(test)]
pub(crate) use renewal::{Predecessor, RenewalDocument};
pub(crate) use replay::ReplaySet;
pub(crate) use revocation::{REVOCATION_SECONDS, Revocations, RevokedDocument};
pub(crate) use token::{TokenType, Tokens};
