//! Processes, homes and files for tests.

mod broker_binary;
mod cli;
mod server;

pub(crate) use broker_binary::broker_binary;
pub(crate) use cli::{Cli, Ran, finish};
pub(crate) use server::{Server, free_port};
