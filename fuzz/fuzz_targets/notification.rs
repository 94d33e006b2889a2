#![no_main]
//! Payloads that Apple might sign one day: whatever they say, reading them never fails otherwise than by refusing.

use libfuzzer_sys::fuzz_target;
use tidegate_app_store::{VerifiedNotification, VerifiedRenewalInfo, VerifiedTransaction};
use tidegate_fuzz::{APP, CA, verify};

fuzz_target!(|payload: &[u8]| {
    if payload.len() > 32 << 10 {
        return;
    }
    let jws = CA.sign_bytes(CA.header().to_string().as_bytes(), payload);
    let jws = verify(&jws).expect("the authority signed it");
    let transaction = VerifiedTransaction::read(&jws, &APP).ok();
    let renewal_info = VerifiedRenewalInfo::read(&jws, &APP).ok();
    if let Ok(notification) = VerifiedNotification::read(&jws, &APP) {
        let _ = notification.check_nested(transaction.as_ref(), renewal_info.as_ref());
    }
});
