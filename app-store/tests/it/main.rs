//! Tests of what the App Store signs, against a certificate authority of the same shape as Apple's, and of what its words
//! amount to.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod authentic;
mod forged_chain;
mod forged_jws;
mod golden;
mod laws;
mod mutations;
mod ocsp;
mod says;
mod schedules;
mod stand;
mod table;
mod wrong_app;
