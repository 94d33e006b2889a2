//! From a device key to tokens, and from tokens to a caller: ES256 tokens, DPoP proofs (RFC 9449), revocation.

mod access;
mod caller;
mod devices;
pub(crate) mod ended;
mod grant;
mod jwk;
pub(crate) mod key_times;
mod keys;
mod logout;
mod nonce;
mod proof;
mod renew;
mod renewal;
mod replay;
mod revocation;
mod token;

pub(crate) use access::{AccessTokens, Confirmation, IdentityClaims, WayIn};
pub(crate) use caller::{Caller, MaybeProvenKey, ProvenKey};
pub(crate) use devices::{__path_delete_device, __path_devices, delete_device, devices};
pub(crate) use ended::{EndReason, end_sessions};
pub(crate) use grant::{SessionGrant, open_full, open_limited};
pub(crate) use keys::JwkSet;
pub use keys::{InvalidSigningKey, NewSigningKey, SigningKeys};
pub(crate) use logout::{__path_logout, logout};
pub(crate) use nonce::Nonces;
pub(crate) use renew::{__path_renew, PresentedRenewal, renew};
#[cfg(test)]
pub(crate) use renewal::Predecessor;
pub(crate) use renewal::RenewalDocument;
pub(crate) use replay::ReplaySet;
#[cfg(test)]
pub(crate) use revocation::{IssuedToken, RevokedDocument};
pub(crate) use revocation::{REVOCATION_SECONDS, Revocations, revoke_device};
pub(crate) use token::{TokenType, Tokens};
