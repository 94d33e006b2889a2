//! How a device comes to an account: creating one, joining one.

mod account;
mod create;
mod device_file;
mod grants;
mod join;
pub(crate) mod new_keys;
mod reach;

pub(crate) use account::open_account;
pub use create::PendingReset;
pub(crate) use create::{Create, IfLinked, Outcome, create, created_before, prepare, prepare_key};
pub(crate) use device_file::{KnownDevice, certificate, devices_in_store, rename_device_file};
pub(crate) use grants::own_grants;
pub(crate) use join::{Join, join, prepare_to_join};
pub(crate) use reach::{Reach, open_reach};
