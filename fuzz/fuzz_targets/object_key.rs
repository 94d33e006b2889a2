#![no_main]
//! See `tidegate_fuzz::presign::object_key`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_fuzz::presign::object_key(bytes));
