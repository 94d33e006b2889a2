//! How a device comes to an account: creating one, joining one.

mod account;
mod create;
mod device_file;
mod grants;
mod join;
mod reach;

pub(crate) use create::{created_before, create};
pub(crate) use device_file::{certificate, device_names};
pub(crate) use grants::own_grants;
pub(crate) use join::join;
pub(crate) use reach::{Reach, open_reach};
