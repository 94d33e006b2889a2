//! The health check of a container whose image has no other program.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::commands::{block_on, load};
use super::error::CliError;
use super::output::Output;

/// Longer than the broker waits for its store.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Asks the operator's listener, which exists wherever the broker runs, and never the public address, which may lead through a proxy.
pub(super) fn health(file: &Path, output: &Output) -> Result<(), CliError> {
    let url = format!("http://{}/readyz", reachable(load(file)?.admin_listen));
    block_on(async {
        let unhealthy = |cause: &dyn std::fmt::Display| CliError::unhealthy(format!("{url} is not ready: {cause}"));
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(|error| unhealthy(&error))?;
        let answer = client.get(&url).send().await.map_err(|error| unhealthy(&error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(unhealthy(&answer.status())) }
    })?;
    output.result(&json!({ "ready": true }), || "the broker and its store answer".to_owned());
    Ok(())
}

/// An address that means every interface cannot be called.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    let ip = if listen.ip().is_unspecified() { loopback } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_is_called_by_its_loopback_address() {
        let called = |listen: &str| reachable(listen.parse().expect("an address")).to_string();
        assert_eq!(called("0.0.0.0:8081"), "127.0.0.1:8081");
        assert_eq!(called("[::]:8081"), "[::1]:8081");
        assert_eq!(called("10.0.0.5:8081"), "10.0.0.5:8081");
    }
}
