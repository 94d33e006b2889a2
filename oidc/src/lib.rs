//! ID tokens of OpenID providers (OpenID Connect Core 1.0): from text to a [`VerifiedIdToken`], which alone may speak for somebody.
//!
//! No IO and no clock: the provider's documents and the time are arguments. A token never chooses by what it is verified: the
//! algorithm is that of the provider's key, and keys come from the provider's published set alone.

mod admission;
mod claims;
mod discovery;
mod fault;
mod jws;
mod keys;
mod verify;

pub use admission::{Admission, NotAdmitted};
pub use claims::{ClaimName, ClaimNames, InvalidClaimName};
pub use discovery::{Discovery, DiscoveryFault, is_reachable_safely};
pub use fault::IdTokenFault;
pub use jws::{MAX_TOKEN_BYTES, UnverifiedIdToken};
pub use keys::{KeySet, KeySetFault};
pub use verify::{Expected, TokenKind, VerifiedIdToken};
