#![no_main]
//! See `tidegate_fuzz::config::config`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_fuzz::config::config(bytes));
