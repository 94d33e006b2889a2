#![no_main]
//! ID tokens as they come from the network: nobody without the issuer's key can make one that is believed.

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::{GENUINE_ID_TOKEN, believe};
use tidegate_oidc::{Discovery, KeySet};

fuzz_target!(|bytes: &[u8]| {
    // What an issuer publishes is read by the same rules, whatever it is.
    drop(KeySet::parse(bytes));
    drop(Discovery::parse(bytes, "https://id.example.org"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (signed, signature) = GENUINE_ID_TOKEN.rsplit_once('.').expect("it has three segments");
    // A second signature of the same text is no forgery: whoever has one by ECDSA can make it.
    let is_genuine = text.rsplit_once('.').is_some_and(|(said, _)| said == signed);
    assert!(!believe(text) || is_genuine, "a forgery was believed");
    // The same with the genuine signature behind it, so that more than the form is reached.
    assert!(!believe(&format!("{text}.{signature}")) || text == signed, "a forgery was believed");
});
