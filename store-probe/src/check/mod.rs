//! What a store can do: one file for each check.

pub(crate) mod basics;
pub(crate) mod clock;
pub(crate) mod conditional_get;
pub(crate) mod cors;
pub(crate) mod delete_condition;
pub(crate) mod hello;
pub(crate) mod list;
pub(crate) mod multipart;
pub(crate) mod normalises;
pub(crate) mod put_conditions;
pub(crate) mod race;
pub(crate) mod rights;
pub(crate) mod sts;
pub(crate) mod trailers;
