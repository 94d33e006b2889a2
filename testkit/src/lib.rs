//! What tests share: stores with a character, and a simulation of several devices that is the same for the same seed.
//!
//! Nothing but tests and the demo depends on this crate.

#[cfg(feature = "bench-sync")]
pub mod bench_sync;
pub mod exhaustive;
pub mod simulation;
pub mod store;
