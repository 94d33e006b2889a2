//! Integration tests of the engine without IO.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod clock;
mod envelope;
mod golden;
mod grant;
mod master_keys;
mod recovery_code;
mod secrets;
mod setup;
mod signed;
mod stream;
mod tamper;
