//! The simulation, over every store personality, and the bugs that it must find.

mod exhaustive;
mod planted;
mod quarantine;
mod requests;
mod simulation;
