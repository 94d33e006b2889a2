//! Integration tests of the engine without IO.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod account;
mod asleep;
mod change_format;
mod checkpoint_format;
mod clock;
mod device;
mod disagreeing;
mod doorbell_format;
mod engine;
mod envelope;
mod fixture;
mod frontier;
mod garbage;
mod golden;
mod grant;
mod history;
mod keep_both;
mod mass_delete;
mod master_keys;
mod merge;
mod merge_kinds;
mod packs;
mod past;
mod profiles;
mod recovery_code;
mod sample;
mod schemas;
mod second_look;
mod secrets;
mod segment_format;
mod setup;
mod signed;
mod stream;
mod tamper;
