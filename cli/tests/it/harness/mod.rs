//! Processes, homes and files for tests.

mod broker_binary;
mod bucket;
mod cli;
mod compose;
pub(crate) mod minio;
mod random;
mod server;

pub(crate) use bucket::Bucket;
pub(crate) use cli::{Cli, Ran, finish};
pub(crate) use compose::Compose;
pub(crate) use random::Random;
pub(crate) use server::{Server, broker_command, status_of};
