//! What a caller may set: clock, patience, access keys.

use std::sync::Arc;
use std::time::Duration;

use tidegate_sigv4::Credentials;
use tidegate_sync_core::state::MergeKinds;

use crate::clock::{Clock, SystemClock};
use crate::transport::retry::RetryPolicy;
use crate::{health, samples};

/// Most bytes of attachments that are kept on a device where nobody has said otherwise: 4 GiB.
pub const DEFAULT_CACHE_LIMIT: u64 = 4 << 30;

/// How a client behaves towards its surroundings; the default is right for apps.
#[derive(Debug, Clone)]
pub struct Options {
    /// The access key of the direct transport; `None` takes `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN` from the environment when it is needed.
    pub credentials: Option<Credentials>,
    /// The local clock.
    pub clock: Arc<dyn Clock>,
    /// How long to wait for another process on the same home before `home-busy`.
    pub home_wait: Duration,
    /// How often and how long failing requests are repeated.
    pub retry: RetryPolicy,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long the other side may stay silent.
    pub read_timeout: Duration,
    /// Most requests at a time.
    pub concurrency: usize,
    /// Most bytes of attachments that are on their way up at a time; a single request may have more.
    pub upload_budget: u64,
    /// Most bytes of attachments that are on their way down at a time, in all downloads of a client together; a single request
    /// may have more.
    pub download_budget: u64,
    /// The longest attachment, in bytes, that stays on the device sealed after it was written to a file of the caller's
    /// ([`crate::SyncClient::write_to`]): of a longer one there would be two copies, and it would push many others out.
    pub keep_written: u64,
    /// Most bytes of attachments that are kept on the device although they can be fetched again; `None` is what the home
    /// says, or else [`DEFAULT_CACHE_LIMIT`].
    pub cache_limit: Option<u64>,
    /// The kinds of records whose concurrent versions are merged and never conflict: the same ones on all devices of an
    /// account. On a device that does not know them they are conflicts, and nothing is lost. The default has the kinds of
    /// [`crate::SampleKind`].
    pub merge_kinds: MergeKinds,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: None,
            clock: Arc::new(SystemClock),
            home_wait: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            concurrency: 8,
            upload_budget: 64 << 20,
            download_budget: 16 << 20,
            keep_written: 64 << 20,
            cache_limit: None,
            merge_kinds: health::merge_kinds(samples::merge_kinds()),
        }
    }
}
