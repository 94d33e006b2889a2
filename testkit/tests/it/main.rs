//! The simulation, over every store personality, and the bugs that it must find.

mod planted_bugs;
mod quarantine;
mod requests;
mod simulation;
