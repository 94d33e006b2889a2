//! The addresses that clients are told: the broker's own, and the one that URLs name.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use url::{Host, Url};

use super::check::Check;
use super::failure::{innermost, tls_fault};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;

const URL: &str = "public-url";
const TLS: &str = "public-url-tls";
const PUBLIC: &str = "store-public-endpoint";
const WHOLE: Duration = Duration::from_secs(10);

/// Asks the broker at its public address who it is.
pub(super) async fn examine(config: &Config) -> Vec<Check> {
    let https = config.public_url.starts_with("https://");
    let fine = || if https { Check::ok(TLS) } else { Check::skipped(TLS, "public_url is plain http on loopback") };
    let client = Client::builder().timeout(WHOLE).redirect(reqwest::redirect::Policy::none()).build();
    let client = client.expect("the TLS backend is built in");
    match ask(&client, &config.public_url, "/v1/capabilities").await {
        Ok(capabilities) => {
            let kids = ask(&client, &config.public_url, "/.well-known/jwks.json").await.ok();
            vec![who_answers(config, &capabilities, kids.as_ref()), fine()]
        }
        Err(Silence::Lost(reason)) => match tls_fault(&reason) {
            Some((cause, fix)) => vec![Check::failed(TLS, cause, fix), Check::skipped(URL, "TLS fails before it")],
            None => {
                let cause = format!("nothing answers at {}: {reason}", config.public_url);
                vec![Check::failed(URL, cause, "start `serve`, then check name resolution, port, firewall and proxy"), fine()]
            }
        },
        Err(Silence::Redirect(to)) => {
            let cause = format!("{} redirects to {to}: DPoP proofs are made for the first address", config.public_url);
            vec![Check::failed(URL, cause, "set public_url to the address that answers itself"), fine()]
        }
        Err(Silence::Other(status)) => {
            let cause = format!("something that is no Tidegate broker answers at {} ({status})", config.public_url);
            vec![Check::failed(URL, cause, "lead public_url, with its path, to the broker's `listen` address"), fine()]
        }
    }
}

/// Tokens, proofs and invites hang on the very text of the address.
fn who_answers(config: &Config, capabilities: &Value, keys: Option<&Value>) -> Check {
    let told = capabilities["publicUrl"].as_str().unwrap_or_default();
    if told != config.public_url {
        let cause = format!(
            "the broker behind {} calls itself {told:?}: it is another one, or runs by another configuration",
            config.public_url
        );
        return Check::failed(URL, cause, "give both the same public_url, restart the broker, or correct the proxy");
    }
    let own = config.signing_keys.jwk_set(SystemClock.now());
    let own = serde_json::to_value(own).unwrap_or_default();
    let kids = |set: &Value| -> Vec<String> {
        let keys = set["keys"].as_array().cloned().unwrap_or_default();
        keys.iter().filter_map(|key| key["kid"].as_str().map(str::to_owned)).collect()
    };
    let served = keys.map(&kids).unwrap_or_default();
    if !kids(&own).iter().any(|kid| served.contains(kid)) {
        let cause = format!("the broker behind {} has none of the signing keys configured here", config.public_url);
        return Check::failed(URL, cause, "share signing.keys_dir among replicas, restart the broker, or correct the proxy");
    }
    Check::ok(URL)
}

/// Whether the address that URLs name can be one that clients reach, as far as its text tells; `None` if nothing speaks against it.
pub(super) fn out_of_reach(config: &Config) -> Option<Check> {
    let (public, store) = (reach(&config.public_url)?, reach(&config.store.endpoint_public)?);
    if store >= public {
        return None;
    }
    let cause = format!(
        "URLs name {}, which {}; clients come from where they reach {}",
        config.store.endpoint_public,
        match store {
            Reach::Machine => "is this machine alone",
            Reach::Inside => "only machines on the inside can resolve or reach",
            Reach::Everywhere => "everybody reaches",
        },
        config.public_url
    );
    Some(Check::failed(PUBLIC, cause, "set store.endpoint_public to an address that clients reach; the internal one may stay"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Inside,
    Everywhere,
}

fn reach(url: &str) -> Option<Reach> {
    Some(match Url::parse(url).ok()?.host()? {
        Host::Ipv4(address) if address.is_loopback() => Reach::Machine,
        Host::Ipv6(address) if address.is_loopback() => Reach::Machine,
        Host::Ipv4(address) if address.is_private() || address.is_link_local() => Reach::Inside,
        Host::Ipv6(address) if address.is_unique_local() || address.is_unicast_link_local() => Reach::Inside,
        Host::Domain(domain) if domain == "localhost" || domain.ends_with(".localhost") => Reach::Machine,
        // Names without a dot, as compose gives them, and those of a home network.
        Host::Domain(domain) if !domain.contains('.') => Reach::Inside,
        Host::Domain(domain) if [".local", ".lan", ".internal", ".home.arpa"].iter().any(|end| domain.ends_with(end)) => {
            Reach::Inside
        }
        Host::Ipv4(_) | Host::Ipv6(_) | Host::Domain(_) => Reach::Everywhere,
    })
}

enum Silence {
    Lost(String),
    Redirect(String),
    Other(u16),
}

async fn ask(client: &Client, base: &str, path: &str) -> Result<Value, Silence> {
    let response = client.get(format!("{base}{path}")).send().await.map_err(|error| Silence::Lost(innermost(&error)))?;
    let status = response.status();
    if status.is_redirection() {
        let to = response.headers().get(http::header::LOCATION).and_then(|value| value.to_str().ok());
        return Err(Silence::Redirect(to.unwrap_or("elsewhere").chars().take(200).collect()));
    }
    if !status.is_success() || response.content_length().is_some_and(|length| length > 1 << 20) {
        return Err(Silence::Other(status.as_u16()));
    }
    response.json().await.map_err(|_| Silence::Other(status.as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_from_where_it_can_be_reached() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", Reach::Machine),
            ("http://localhost:9000", Reach::Machine),
            ("http://[::1]:9000", Reach::Machine),
            ("http://minio:9000", Reach::Inside),
            ("http://10.0.0.7:9000", Reach::Inside),
            ("http://nas.local:9000", Reach::Inside),
            ("http://[fd00::1]:9000", Reach::Inside),
            ("https://s3.example.org", Reach::Everywhere),
            ("https://203.0.113.7", Reach::Everywhere),
        ] {
            assert_eq!(reach(url), Some(expected), "{url}");
        }
    }
}
