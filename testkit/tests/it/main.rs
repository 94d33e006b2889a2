//! The simulation, over every store personality, and the bugs that it must find.

mod quarantine;
mod requests;
mod simulation;
