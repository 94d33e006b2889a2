//! The `aws-sdk-s3` crate: its `presigned()` on a runtime of one thread.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::{Client, Config};
use tokio::runtime::{Builder, Runtime};

use crate::{ACCESS_KEY_ID, BUCKET, CHECKSUM, ENDPOINT, EXPIRES_SECONDS, NOW, REGION, SECRET};

pub(crate) struct Signer {
    client: Client,
    runtime: Runtime,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "bench"))
            .endpoint_url(ENDPOINT)
            .force_path_style(true)
            .build();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        Self { client: Client::from_conf(config), runtime }
    }

    pub(crate) fn get(&self, key: &str) -> String {
        let request = self.client.get_object().bucket(BUCKET).key(key).presigned(presigning());
        self.runtime.block_on(request).expect("a valid request").uri().to_owned()
    }

    pub(crate) fn put(&self, key: &str) -> String {
        let request = self
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .content_length(1234)
            .content_type("application/octet-stream")
            .if_none_match("*")
            .checksum_sha256(CHECKSUM)
            .presigned(presigning());
        self.runtime.block_on(request).expect("a valid request").uri().to_owned()
    }
}

fn presigning() -> PresigningConfig {
    PresigningConfig::builder()
        .start_time(SystemTime::from(NOW))
        .expires_in(Duration::from_secs(EXPIRES_SECONDS.into()))
        .build()
        .expect("a valid expiry")
}
