//! From a store's first answer to the check that it fails.

use tidegate_store_probe::Hello;

use super::check::Check;
use super::failure::tls_fault;
use crate::store::{Addressing, StoreConfig};

/// The checks that a first LIST by the state key answers. `other_style` is the answer to the other way of naming the bucket, where
/// it was tried. The flag says whether the store can be looked at further.
pub(super) fn of_internal(store: &StoreConfig, hello: &Hello, other_style: Option<&Hello>) -> (Vec<Check>, bool) {
    if *hello != Hello::Ok && other_style == Some(&Hello::Ok) {
        return (vec![Check::ok("store-endpoint"), wrong_style(store)], false);
    }
    let found = match hello {
        Hello::Ok => {
            let ids = ["store-endpoint", "store-addressing", "store-region", "store-bucket", "store-credentials"];
            return (ids.map(Check::ok).into(), true);
        }
        Hello::Unreachable { reason } => return (vec![unreachable(&store.endpoint_internal, reason)], false),
        Hello::NotAStore { status } => {
            let cause = format!("what answers at {} is no S3 store ({status})", store.endpoint_internal);
            return (vec![Check::failed("store-endpoint", cause, "correct store.endpoint_internal: host, port and path")], false);
        }
        Hello::Failing { status } => {
            let cause = format!("the store at {} fails ({status})", store.endpoint_internal);
            return (vec![Check::failed("store-endpoint", cause, "look at the store's own log")], false);
        }
        other @ (Hello::NoSuchBucket
        | Hello::WrongRegion { .. }
        | Hello::UnknownKey
        | Hello::WrongSignature
        | Hello::ClockTooFarOff
        | Hello::Expired
        | Hello::Denied
        | _) => refused("state", store, other),
    };
    (vec![Check::ok("store-endpoint"), found], false)
}

/// The check that the read key's LIST at the public endpoint answers, after the internal one worked.
pub(super) fn of_public(store: &StoreConfig, hello: &Hello) -> Check {
    const ID: &str = "store-public-endpoint";
    let endpoint = &store.endpoint_public;
    match hello {
        Hello::Ok => Check::ok(ID),
        Hello::Unreachable { reason } if tls_fault(reason).is_some() => unreachable(endpoint, reason),
        Hello::Unreachable { reason } => Check::failed(
            ID,
            format!("nothing answers at {endpoint}: {reason}"),
            "check name resolution, port, firewall and proxy; where only this machine cannot reach it, ask from a device by `tidegate doctor`",
        ),
        Hello::WrongSignature if endpoint != &store.endpoint_internal => Check::failed(
            ID,
            format!(
                "signatures hold at {} and not at {endpoint}: something on the way changes the Host header or the path",
                store.endpoint_internal
            ),
            "let the proxy pass Host and path as they come (nginx: proxy_set_header Host $http_host; Caddy does), and name the port that clients use",
        ),
        Hello::NotAStore { status } => Check::failed(
            ID,
            format!("what answers at {endpoint} is no S3 store ({status})"),
            "correct store.endpoint_public, or the proxy behind it",
        ),
        Hello::Failing { status } => {
            Check::failed(ID, format!("{endpoint} fails ({status})"), "look at the log of the proxy or of the store")
        }
        Hello::NoSuchBucket if endpoint != &store.endpoint_internal => Check::failed(
            ID,
            format!("the store at {endpoint} has no bucket {}: it is another store, or a proxy changes the path", store.bucket),
            "lead store.endpoint_public to the same store as store.endpoint_internal",
        ),
        other @ (Hello::NoSuchBucket
        | Hello::WrongRegion { .. }
        | Hello::UnknownKey
        | Hello::WrongSignature
        | Hello::ClockTooFarOff
        | Hello::Expired
        | Hello::Denied
        | _) => refused("read", store, other),
    }
}

/// What a store says no to.
fn refused(key: &str, store: &StoreConfig, hello: &Hello) -> Check {
    const CREDENTIALS: &str = "store-credentials";
    match hello {
        Hello::NoSuchBucket => {
            let cause = format!("the store has no bucket {}", store.bucket);
            Check::failed("store-bucket", cause, "make the bucket, private, or correct store.bucket")
        }
        Hello::WrongRegion { expected } => {
            let named = expected.as_ref().map(|region| format!("; it is in {region}")).unwrap_or_default();
            let cause = format!("the bucket is not in the region {}{named}", store.region);
            let fix = expected
                .as_ref()
                .map_or("set store.region to the bucket's".to_owned(), |region| format!("set store.region = {region:?}"));
            Check::failed("store-region", cause, fix)
        }
        Hello::UnknownKey => {
            let cause = format!("the store does not know the access key of store.{key}");
            Check::failed(CREDENTIALS, cause, format!("make the key at the store, or correct store.{key}.access_key_id"))
        }
        Hello::WrongSignature => {
            let cause =
                format!("the store refuses signatures by store.{key}: the secret is wrong, or a proxy changes host or path");
            Check::failed(CREDENTIALS, cause, format!("correct the secret of store.{key}; let proxies pass Host as it comes"))
        }
        Hello::ClockTooFarOff => {
            let cause = "the store refuses requests made at this machine's time";
            Check::failed("clock", cause, "set both clocks by NTP")
        }
        Hello::Expired => {
            let cause = format!("the temporary key of store.{key} is over");
            Check::failed(CREDENTIALS, cause, "use a lasting key: presigned URLs die with the key that signed them")
        }
        Hello::Denied => {
            let cause = format!("the key of store.{key} may not list the bucket");
            Check::failed(CREDENTIALS, cause, format!("give store.{key} the rights that the settings' reference names"))
        }
        Hello::Ok | Hello::Unreachable { .. } | Hello::NotAStore { .. } | Hello::Failing { .. } | _ => {
            Check::failed(CREDENTIALS, "the store refuses the first request", "look at the store's own log")
        }
    }
}

fn unreachable(endpoint: &str, reason: &str) -> Check {
    match tls_fault(reason) {
        Some((cause, fix)) => Check::failed("store-tls", format!("{endpoint}: {cause}"), fix),
        None => Check::failed(
            "store-endpoint",
            format!("nothing answers at {endpoint}: {reason}"),
            "start the store, then check host, port and firewall",
        ),
    }
}

fn wrong_style(store: &StoreConfig) -> Check {
    let (given, right) = match store.addressing {
        Addressing::Path => ("path", "virtual-host"),
        Addressing::VirtualHost => ("virtual-host", "path"),
    };
    let cause = format!("the store does not find the bucket by {given} addressing, and does by {right}");
    Check::failed("store-addressing", cause, format!("set store.addressing = {right:?}"))
}
