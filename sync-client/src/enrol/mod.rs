//! How a device comes to an account: creating one, joining one.

mod account;
mod create;
mod device_file;
mod grants;
mod join;
mod reach;

pub(crate) use create::{create, created_before, prepare};
pub(crate) use device_file::{KnownDevice, certificate, devices_in_store, rename_device_file};
pub(crate) use grants::own_grants;
pub(crate) use join::{Join, join};
pub(crate) use reach::{Reach, open_reach};
