//! The price table of stores: `data/prices.json`, each price with its source and date.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::report::Requests;

/// The file, as it is built in.
const TABLE: &str = include_str!("../../data/prices.json");
/// The store of which nothing is known, and of one's own: its requests cost nothing.
const SELF_HOSTED: &str = "self-hosted";

/// What a store charges.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorePrices {
    /// Its name on the command line.
    pub store: String,
    /// Its name for people.
    pub name: String,
    /// The domains under which it is reached.
    hosts: Vec<String>,
    /// The regions at this price; `*` for all that have no entry of their own. Empty where regions cost the same.
    #[serde(default)]
    regions: Vec<String>,
    /// Requests.
    #[serde(rename = "requests_usd_per_million")]
    pub requests: RequestPrices,
    /// Whether an answer that nothing has changed (304) costs nothing.
    #[serde(default)]
    pub unchanged_is_free: bool,
    /// US dollars for 10^9 bytes stored for a month.
    pub storage_usd_per_gb_month: f64,
    /// The least that is charged as stored, in 10^9 bytes.
    #[serde(default)]
    pub storage_least_gb: f64,
    /// US dollars for 10^9 bytes read over the internet.
    pub egress_usd_per_gb: f64,
    /// What is free each month.
    #[serde(default)]
    pub free: Free,
    /// Where the price stands.
    pub source: String,
    /// The day on which it was published or read.
    pub as_of: String,
}

/// US dollars for a million requests. Deletes cost nothing anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestPrices {
    /// PUT.
    pub write: f64,
    /// LIST.
    pub list: f64,
    /// GET and HEAD.
    pub read: f64,
}

/// What is free each month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Free {
    /// 10^9 bytes stored.
    pub storage_gb: f64,
    /// 10^9 bytes read.
    pub egress_gb: f64,
    /// Reading so many times what is stored.
    pub egress_times_storage: f64,
    /// Writes and LISTs.
    pub writes: u64,
    /// Reads.
    pub reads: u64,
}

/// There is no such store in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price table has no store {name:?}")]
pub struct Unknown {
    /// The name given.
    pub name: String,
}

#[derive(Deserialize)]
struct Table {
    #[serde(rename = "comment")]
    _comment: String,
    stores: Vec<StorePrices>,
}

static STORES: LazyLock<Vec<StorePrices>> = LazyLock::new(|| {
    let table: Table = serde_json::from_str(TABLE).expect("the table is built in, and a test reads it");
    table.stores
});

/// All stores of the table.
#[must_use]
pub fn stores() -> &'static [StorePrices] {
    &STORES
}

/// The store of this name.
///
/// # Errors
/// [`Unknown`].
pub fn store_named(name: &str) -> Result<&'static StorePrices, Unknown> {
    stores().iter().find(|store| store.store == name).ok_or_else(|| Unknown { name: name.to_owned() })
}

/// The store behind a host; one of one's own where no other is known there. A region is looked for in the host's labels, as
/// Amazon's have it, where none is given.
#[must_use]
pub fn store_at(host: &str, region: Option<&str>) -> &'static StorePrices {
    let host = host.rsplit_once(':').map_or(host, |(host, _port)| host).to_ascii_lowercase();
    let is_under =
        |domain: &String| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let in_region = |store: &&StorePrices, wanted: &str| store.regions.iter().any(|region| region == wanted);
    let here: Vec<&StorePrices> = stores().iter().filter(|store| store.hosts.iter().any(is_under)).collect();
    let labels = || region.into_iter().chain(host.split('.'));
    let exact = here.iter().find(|store| store.regions.is_empty() || labels().any(|label| in_region(store, label)));
    let any = || here.iter().find(|store| in_region(store, "*"));
    let own = || stores().iter().find(|store| store.store == SELF_HOSTED).unwrap_or(&stores()[0]);
    exact.or_else(any).copied().unwrap_or_else(own)
}

impl RequestPrices {
    /// What these requests cost, in 10^-9 US dollars. Free allowances are left out: they belong to the whole account.
    #[must_use]
    pub fn nanodollars(&self, requests: &Requests) -> u64 {
        // One dollar a million is a thousand nanodollars each.
        let each = |usd_per_million: f64, count: u64| (usd_per_million * 1_000.0).round() as u64 * count;
        each(self.write, requests.put) + each(self.list, requests.list) + each(self.read, requests.get + requests.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_a_source_and_a_date_and_prices_that_make_sense() {
        for store in stores() {
            assert!(store.source.starts_with("https://") || store.store == SELF_HOSTED, "{}", store.store);
            let date = time::Date::parse(&store.as_of, time::macros::format_description!("[year]-[month]-[day]"));
            assert!(date.is_ok(), "{}", store.store);
            let RequestPrices { write, list, read } = store.requests;
            assert!(write >= read && list >= read && (0.0..100.0).contains(&write) && list < 100.0, "{}", store.store);
            assert!((0.0..1.0).contains(&store.storage_usd_per_gb_month) && (0.0..1.0).contains(&store.egress_usd_per_gb));
            assert_eq!(store_named(&store.store).unwrap(), store, "names are used once");
        }
        assert!(store_named("floppy").is_err());
    }

    #[test]
    fn a_store_is_known_by_its_host() {
        let known = |host: &str, region| store_at(host, region).store.as_str();
        assert_eq!(known("s3.eu-central-1.amazonaws.com", None), "aws-eu-central-1");
        assert_eq!(known("family.s3.us-west-2.amazonaws.com", None), "aws-us-east-1");
        assert_eq!(known("s3.amazonaws.com", Some("us-east-1")), "aws-us-east-1");
        assert_eq!(known("s3.sa-east-1.amazonaws.com", None), "aws-ap-southeast-2");
        assert_eq!(known("0123.r2.cloudflarestorage.com", Some("auto")), "r2");
        assert_eq!(known("S3.us-west-004.BackblazeB2.com:443", None), "b2");
        assert_eq!(known("127.0.0.1:9000", Some("us-east-1")), "self-hosted");
        assert_eq!(known("notamazonaws.com", Some("us-east-1")), "self-hosted");
    }

    #[test]
    fn requests_are_priced_by_kind() {
        let requests = Requests { get: 10, head: 2, put: 3, list: 1, delete: 50, presign: 9, renew: 1 };
        // 12 reads at 400, 4 writes and LISTs at 5,000.
        assert_eq!(store_named("aws-us-east-1").unwrap().requests.nanodollars(&requests), 24_800);
        assert_eq!(store_named("self-hosted").unwrap().requests.nanodollars(&requests), 0);
    }
}
