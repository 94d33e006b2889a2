#![no_main]
//! Text as it comes from the network: nobody without the authority's key can make a JWS that verifies.

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::{GENUINE, verify};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(verify(text).is_none() || text == *GENUINE, "a forgery verified");
    // The same with the genuine signature behind it, so that more than the form is reached.
    let (_, signature) = GENUINE.rsplit_once('.').expect("it has three segments");
    assert!(verify(&format!("{text}.{signature}")).is_none() || GENUINE.starts_with(text), "a forgery verified");
});
