//! The probe over real HTTP: the embedded store, a real SeaweedFS, and stand-ins on which each promise is broken in one way.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod basics;
mod embedded;
mod flaws;
mod minio;
mod seaweedfs;
mod stand_in;
mod store;

/// What `x-amz-checksum-sha256` says of these bytes.
fn checksum(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(tidegate_protocol::Sha256::of(bytes).as_bytes())
}
