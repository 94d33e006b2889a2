//! What the protocol crate promises, tried from outside.

mod account;
mod generate;
mod golden;
mod ids;
mod list_prefix;
mod multipart;
mod object_key;
mod read_prefix;
mod scope;
mod wire;
