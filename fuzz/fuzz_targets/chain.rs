#![no_main]
//! Certificates in the header of a JWS that the genuine leaf's key signed: the first byte says in which place, the rest is the
//! certificate, or differs from the genuine one in the places that it names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tidegate_fuzz::{CA, verify};
use tidegate_testkit::apple::transaction;

fuzz_target!(|bytes: &[u8]| {
    let Some((selector, rest)) = bytes.split_first() else { return };
    let genuine = CA.chain_der();
    let mut chain = genuine.clone();
    let place = usize::from(selector % 3);
    if selector & 0x80 == 0 {
        chain[place] = rest.to_vec();
    } else {
        for change in rest.chunks_exact(3) {
            let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % chain[place].len();
            chain[place][at] = change[2];
        }
    }
    let x5c: Vec<String> = chain.iter().map(|der| STANDARD.encode(der)).collect();
    let jws = CA.sign_with(&json!({ "alg": "ES256", "x5c": x5c }), &transaction(json!({})));
    assert!(verify(&jws).is_none() || chain == genuine, "a forged chain verified");
});
