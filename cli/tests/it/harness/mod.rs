//! Processes, homes and files for tests.

mod broker_binary;
mod cli;
mod random;
mod server;

pub(crate) use cli::{Cli, Ran, finish};
pub(crate) use random::Random;
pub(crate) use server::{Server, broker_command, free_port};
