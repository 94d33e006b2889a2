//! What a store can do: one file for each check.

pub(crate) mod basics;
pub(crate) mod clock;
pub(crate) mod hello;
