#![no_main]
//! See `tidegate_fuzz::session::proof`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_fuzz::session::proof(bytes));
