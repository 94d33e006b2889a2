//! Finds out what an S3 store really does, by doing it: conditions under races, what presigned URLs pin, and which of the known
//! attacks succeed with the credentials that are configured.
//!
//! [`probe`] makes every check and cleans up after itself; [`Probe`] has single checks for a doctor. Nothing is taken on a status
//! alone: whatever is judged is read back by the credential that may read it. A check that could not be made never counts in the
//! store's favour: an unproven condition is `not-atomic`, an attack whose honest twin failed is `inconclusive`.
//!
//! What the probe writes lies below `users/probe-{run}/` and `_tidegate/probe/{run}/`, and is deleted at the end; what a probe
//! that was stopped has left goes with the next.

mod answer;
mod attack;
mod check;
mod cleanup;
mod error;
mod ground;
mod http;
mod probe;
mod remedy;
mod report;
mod target;
pub mod xml;

pub use check::hello::Hello;
pub use error::ProbeError;
pub use probe::{Probe, probe};
pub use remedy::{meaning, remedy};
pub use report::{Note, PublicEndpoint, StoreReport};
pub use target::{Reach, Run, Target};

/// Which set of checks this version makes. Raised with every check that is added or judged differently, so that profiles which
/// were kept are made anew.
pub const PROBE_VERSION: u32 = 1;
