//! The simulation, over every store personality, and the bugs that it must find.

mod exhaustive;
#[cfg(feature = "planted-bugs")]
mod planted;
mod quarantine;
mod requests;
mod simulation;
