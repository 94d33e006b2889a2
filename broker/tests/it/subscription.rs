//! App Store subscriptions as a way into an account, with transactions of a certificate authority of the tests' own.

mod binding;
mod family;
mod lifetimes;
mod pumpsync;
mod sandbox;
mod shop;
mod status;
mod xcode;

pub(crate) use shop::create_account;
