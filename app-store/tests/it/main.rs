//! Tests of what the App Store's words amount to.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod golden;
mod laws;
mod says;
mod schedules;
mod table;
