//! What strangers may cost: rates by address, user and route, failed proofs, places, and what is turned away when the process is behind.
//!
//! Addresses bound strangers alone. Whoever shows an access token that this replica has verified is bound by the user it names, so
//! that one bad neighbour behind a shared address, or a proxy that was never named as one, shuts nobody out who is signed in.

mod address;
mod bucket;
mod crowd;
pub(crate) mod gate;
mod rates;
mod route;
mod shedding;
mod visitor;

pub(crate) use address::ClientAddress;
pub use address::{InvalidProxy, TrustedProxies};
pub(crate) use crowd::Crowd;
pub(crate) use rates::RateLimiters;
pub use rates::{Rate, RateLimits};
pub(crate) use shedding::Shedder;
pub(crate) use visitor::{Peer, Visitor};
