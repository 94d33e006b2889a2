//! What tests share: stores with a character, a simulation of several devices that is the same for the same seed, a stand-in for Apple
//! that signs transactions and notifications, one for Tandem Source with logs of any length, one for an OpenID
//! provider; and a real SeaweedFS as a process of its own.
//!
//! Nothing but tests and the demo depends on this crate.

#[cfg(feature = "apple")]
pub mod apple;
#[cfg(feature = "dialect")]
pub mod dialect;
#[cfg(feature = "simulation")]
pub mod exhaustive;
#[cfg(feature = "nightscout")]
pub mod nightscout;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod port;
pub mod seaweedfs;
#[cfg(feature = "simulation")]
pub mod simulation;
#[cfg(feature = "simulation")]
pub mod store;
#[cfg(feature = "tandem")]
pub mod tandem;
