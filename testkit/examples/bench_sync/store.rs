//! The store: SeaweedFS, which counts the requests that it answers.

use std::env;
use std::path::Path;

use tidegate_testkit::port::free_port;
use tidegate_testkit::seaweedfs::{Identity, SeaweedFs, Setup, http_get};

use super::Fallible;

/// The bucket of all tools.
pub(crate) const BUCKET: &str = "bench-sync";
/// The one key to it.
pub(crate) const ACCESS_KEY: &str = "owner";
/// Its secret.
pub(crate) const SECRET_KEY: &str = "owner-secret-of-the-benchmark";

/// A running store.
#[derive(Debug)]
pub(crate) struct Store {
    server: SeaweedFs,
    /// Where it tells how many requests it has answered.
    metrics: u16,
}

impl Store {
    /// Starts SeaweedFS over an empty folder. `WEED_PROGRAM` names the program.
    pub(crate) fn seaweedfs(folder: &Path) -> Fallible<Self> {
        env::var_os("WEED_PROGRAM").ok_or("WEED_PROGRAM has to name the SeaweedFS program")?;
        let owner = [Identity { name: ACCESS_KEY, secret: SECRET_KEY, actions: &["Read", "Write", "List"] }];
        let metrics = free_port();
        let server = SeaweedFs::start(&Setup { metrics: Some(metrics), ..Setup::new(folder, BUCKET, &owner) });
        Ok(Self { server, metrics })
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// How many requests it has answered so far.
    pub(crate) fn requests(&self) -> Fallible<u64> {
        // A request is counted a moment after its answer.
        std::thread::sleep(std::time::Duration::from_millis(100));
        let (_, text) = http_get(self.metrics, "/metrics").ok_or("the store does not tell its number of requests")?;
        Ok(request_total(&text))
    }
}

/// The sum of the store's request counters, whatever their kind and outcome.
fn request_total(metrics: &str) -> u64 {
    let counters = metrics.lines().filter(|line| line.starts_with("SeaweedFS_s3_request_total{"));
    let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok());
    // Counters are whole numbers, written as floating-point ones.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counters are small and never negative")]
    let total = counters.filter_map(count).sum::<f64>() as u64;
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_s_requests_are_all_counted() {
        let metrics = "# TYPE SeaweedFS_s3_request_total counter\n\
                       SeaweedFS_s3_request_total{bucket=\"b\",code=\"200\",type=\"PUT\"} 1.2e+03\n\
                       SeaweedFS_s3_request_total{bucket=\"b\",code=\"304\",type=\"GET\"} 2\n\
                       SeaweedFS_s3_in_flight_requests{type=\"LIST\"} 5\n";
        assert_eq!(request_total(metrics), 1_202);
    }
}
