//! The `rusty-s3` crate.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use crate::{ACCESS_KEY_ID, BUCKET, ENDPOINT, EXPIRES_SECONDS, PUT_HEADERS, REGION, SECRET};

pub(crate) struct Signer {
    bucket: Bucket,
    credentials: Credentials,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let endpoint = ENDPOINT.parse().expect("a valid URL");
        let bucket = Bucket::new(endpoint, UrlStyle::Path, BUCKET, REGION).expect("a valid bucket");
        Self { bucket, credentials: Credentials::new(ACCESS_KEY_ID, SECRET) }
    }

    pub(crate) fn get(&self, key: &str) -> String {
        self.bucket.get_object(Some(&self.credentials), key).sign(expiry()).into()
    }

    pub(crate) fn put(&self, key: &str) -> String {
        let mut action = self.bucket.put_object(Some(&self.credentials), key);
        for (name, value) in PUT_HEADERS {
            action.headers_mut().insert(name, value);
        }
        action.sign(expiry()).into()
    }
}

fn expiry() -> Duration {
    Duration::from_secs(EXPIRES_SECONDS.into())
}
