//! This crate.

use tidegate_sigv4::{AddressingStyle, BatchSigner, Credentials, Endpoint, Method, Presigner};

use crate::{ACCESS_KEY_ID, BUCKET, ENDPOINT, EXPIRES_SECONDS, PUT_HEADERS, REGION, SECRET};

pub(crate) fn signer() -> Presigner {
    let endpoint = Endpoint::new(ENDPOINT, BUCKET, AddressingStyle::Path).expect("a valid endpoint");
    Presigner::new(Credentials::new(ACCESS_KEY_ID, SECRET, None), REGION, endpoint)
}

pub(crate) fn get(batch: &BatchSigner<'_>, key: &str) -> String {
    batch.presign(Method::Get, key, &[], &[], EXPIRES_SECONDS).expect("a valid request")
}

pub(crate) fn put(batch: &BatchSigner<'_>, key: &str) -> String {
    batch.presign(Method::Put, key, &[], &PUT_HEADERS, EXPIRES_SECONDS).expect("a valid request")
}
