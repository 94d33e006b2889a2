//! The store, by the probe.

use std::sync::Arc;

use tidegate_sigv4::AddressingStyle;
use tidegate_store_probe::{Hello, Probe, ProbeError, Reach, Run, Target};
use url::Url;
use uuid::Uuid;

use super::check::Check;
use super::{address, findings, hello};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Addressing;

/// Clocks further apart make URLs die early, or late.
const WARN_MS: u64 = 60_000;
/// Near what stores refuse: a quarter of an hour.
const FAIL_MS: u64 = 300_000;

pub(super) async fn examine(config: &Config, clock: &Arc<dyn Clock>) -> Vec<Check> {
    match try_examine(config, clock).await {
        Ok(checks) => checks,
        Err((mut checks, error)) => {
            checks.push(failure(&error));
            checks
        }
    }
}

async fn try_examine(config: &Config, clock: &Arc<dyn Clock>) -> Result<Vec<Check>, (Vec<Check>, ProbeError)> {
    let store = &config.store;
    let target = target(config, store.addressing.into());
    let probe = Probe::new(target, run(clock)).map_err(|error| (Vec::new(), error))?;
    let said = probe.hello().await.map_err(|error| (Vec::new(), error))?;
    let other = if said == Hello::Ok { None } else { other_style(config, clock).await };
    let (mut checks, goes_on) = hello::of_internal(store, &said, other.as_ref());
    if let Ok(Some(offset)) = probe.clock_offset_ms().await
        && !checks.iter().any(|check| check.id == "clock")
    {
        checks.push(clock_check(offset));
    }
    if !goes_on {
        return Ok(checks);
    }
    let public = match address::out_of_reach(config) {
        Some(check) => check,
        None => match probe.public_hello().await {
            Ok(said) => hello::of_public(store, &said),
            Err(error) => return Err((checks, error)),
        },
    };
    // What the read key is refused outweighs what the state key was granted.
    checks.retain(|check| check.id != public.id);
    checks.push(public);
    if !checks.iter().any(|check| check.id == "store-tls") {
        checks.push(in_the_clear(config));
    }
    match probe.run().await {
        Ok(report) => {
            let accepted = store.probing.as_ref().map_or(&[][..], |probing| &probing.accepted_risks);
            checks.extend(findings::from_profile(&report.profile, config.app_store.is_some(), &config.cors_origins, accepted));
            Ok(checks)
        }
        Err(error) => Err((checks, error)),
    }
}

/// The same bucket named in the other way, where an address can be.
async fn other_style(config: &Config, clock: &Arc<dyn Clock>) -> Option<Hello> {
    let other = match config.store.addressing {
        Addressing::Path => AddressingStyle::VirtualHost,
        Addressing::VirtualHost => AddressingStyle::Path,
    };
    Probe::new(target(config, other), run(clock)).ok()?.hello().await.ok()
}

fn target(config: &Config, addressing: AddressingStyle) -> Target {
    let store = &config.store;
    Target {
        endpoint_internal: store.endpoint_internal.clone(),
        endpoint_public: store.endpoint_public.clone(),
        region: store.region.clone(),
        bucket: store.bucket.clone(),
        addressing,
        read: store.read.for_signing(),
        write: store.write.for_signing(),
        state: store.state.for_signing(),
        reach: Reach::Broker,
        cors_origins: config.cors_origins.clone(),
    }
}

fn run(clock: &Arc<dyn Clock>) -> Run {
    let clock = Arc::clone(clock);
    let (random, _) = Uuid::new_v4().as_u64_pair();
    Run::new(random.to_be_bytes(), move || clock.now())
}

fn clock_check(offset_ms: i64) -> Check {
    const ID: &str = "clock";
    const FIX: &str = "set both clocks by NTP";
    let ahead =
        format!("the store's clock is {} s {}", offset_ms.unsigned_abs() / 1_000, if offset_ms < 0 { "behind" } else { "ahead" });
    match offset_ms.unsigned_abs() {
        ..WARN_MS => Check::ok(ID),
        WARN_MS..FAIL_MS => Check::warning(ID, ahead, FIX),
        FAIL_MS.. => Check::failed(ID, ahead, FIX),
    }
}

/// A presigned URL is a key: whoever sees it can use it.
fn in_the_clear(config: &Config) -> Check {
    const ID: &str = "store-tls";
    let is_loopback = |url: &Url| url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    match Url::parse(&config.store.endpoint_public) {
        Ok(url) if url.scheme() == "http" && !is_loopback(&url) => Check::warning(
            ID,
            format!(
                "URLs name {}: they travel in the clear, and whoever sees one can use it until it ends",
                config.store.endpoint_public
            ),
            "put TLS in front of the store, or keep everybody on one trusted network",
        ),
        Ok(_) | Err(_) => Check::ok(ID),
    }
}

/// Where the probe had to stop.
fn failure(error: &ProbeError) -> Check {
    match error {
        ProbeError::Refused { credential, .. } => Check::failed(
            "store-rights",
            error.to_string(),
            format!("give store.{credential} the rights that the settings' reference names"),
        ),
        ProbeError::Unsound { .. } => Check::failed(
            "store-public-endpoint",
            error.to_string(),
            "lead both endpoints to the same store, without a cache between",
        ),
        ProbeError::Endpoint(_) | ProbeError::Sign(_) | ProbeError::Client(_) | ProbeError::Unreachable { .. } | _ => {
            Check::failed("store-endpoint", error.to_string(), "look at the store's own log, then run the doctor again")
        }
    }
}
