//! The command line from outside: real processes, real HTTP, real SQLite.

mod backend;
mod bad_input;
#[cfg(feature = "crash-points")]
mod crash_points;
mod demo;
mod disk_full;
mod flow;
mod harness;
mod help;
mod kill;
mod offline;
mod seaweedfs;
