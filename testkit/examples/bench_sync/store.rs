//! The store: SeaweedFS, which counts the requests that it answers.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use super::Fallible;
use super::server::{Server, free_port, http_get};

/// The bucket of all tools.
pub(crate) const BUCKET: &str = "bench-sync";
/// The one key to it.
pub(crate) const ACCESS_KEY: &str = "owner";
/// Its secret.
pub(crate) const SECRET_KEY: &str = "owner-secret-of-the-benchmark";

/// A running store.
#[derive(Debug)]
pub(crate) struct Store {
    _server: Server,
    port: u16,
    /// Where it tells how many requests it has answered.
    metrics: u16,
}

impl Store {
    /// Starts SeaweedFS over an empty folder. `WEED_PROGRAM` names the program.
    pub(crate) fn seaweedfs(folder: &Path) -> Fallible<Self> {
        let program = env::var_os("WEED_PROGRAM").ok_or("WEED_PROGRAM has to name the SeaweedFS program")?;
        let data = folder.join("weed");
        fs::create_dir_all(&data).map_err(|error| error.to_string())?;
        let actions = ["Read", "Write", "List"].map(|action| format!("{action}:{BUCKET}"));
        let credentials = serde_json::json!([{ "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY }]);
        let identity = serde_json::json!({ "name": ACCESS_KEY, "credentials": credentials, "actions": actions });
        let identities = folder.join("s3.json");
        fs::write(&identities, serde_json::json!({ "identities": [identity] }).to_string()).map_err(|error| error.to_string())?;

        let (port, filer, metrics) = (free_port()?, free_port()?, free_port()?);
        let mut command = Command::new(program);
        command.current_dir(folder).arg("mini").arg(format!("-dir={}", data.display()));
        command.arg(format!("-s3.config={}", identities.display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.args([format!("-s3.port={port}"), format!("-filer.port={filer}"), format!("-metricsPort={metrics}")]);
        command.arg(format!("-bucket={BUCKET}"));
        for other in ["master.port", "volume.port", "admin.port"] {
            command.arg(format!("-{other}={}", free_port()?));
        }
        // The S3 port is open before the bucket is made; the filer shows when it is.
        let bucket = format!("/buckets/{BUCKET}/");
        let is_ready = || {
            let found = |answer: Option<(u16, String)>| answer.is_some_and(|(status, _)| status == 200);
            found(http_get(filer, &bucket)) && http_get(port, "/").is_some()
        };
        let server = Server::asked(&mut command, is_ready)?;
        Ok(Self { _server: server, port, metrics })
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
