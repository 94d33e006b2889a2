#![no_main]
//! See `tidegate_fuzz::presign::presign`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_fuzz::presign::presign(bytes));
