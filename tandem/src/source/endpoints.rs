//! Where the vendor's service is: two regions that know nothing of each other's accounts.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Which of the two services an account is at. An account of one is "invalid credentials" to the other, so nothing guesses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Region {
    /// The United States, and whoever is not in the other one.
    Us,
    /// Europe.
    Eu,
}

impl Region {
    /// Its name: `us`, `eu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No region has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a region is `us` or `eu`")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, UnknownRegion> {
        [Self::Us, Self::Eu].into_iter().find(|region| name.eq_ignore_ascii_case(region.name())).ok_or(UnknownRegion)
    }
}

/// Every address of a service, and what it knows this client as. Credentials and tokens go to these addresses' origins alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The page that a browser begins at; the login request refers to it.
    pub sso: Url,
    /// The accounts service: `login`, `connect/authorize`, `connect/token` and the signing keys are below it.
    pub accounts: Url,
    /// Who signs ID tokens.
    pub issuer: String,
    /// What the accounts service calls this client; ID tokens are addressed to it.
    pub client_id: String,
    /// Where the accounts service sends the code of a login. It is never fetched.
    pub redirect_uri: Url,
    /// The data service: `api/...` is below it, and its requests have it as `Origin` and `Referer`.
    pub source: Url,
}

impl Endpoints {
    /// Those of a region.
    #[must_use]
    pub fn of(region: Region) -> Self {
        let (accounts, client_id, redirect_uri, source) = match region {
            Region::Us => (
                "https://tdcservices.tandemdiabetes.com/accounts/api",
                "0oa4wnbvtladeyVZX4h7",
                "https://sso.tandemdiabetes.com/auth/callback",
                "https://source.tandemdiabetes.com/",
            ),
            Region::Eu => (
                "https://tdcservices.eu.tandemdiabetes.com/accounts/api",
                "1519e414-eeec-492e-8c5e-97bea4815a10",
                "https://source.eu.tandemdiabetes.com/authorize/callback",
                "https://source.eu.tandemdiabetes.com/",
            ),
        };
        Self {
            sso: url("https://sso.tandemdiabetes.com/"),
            accounts: url(accounts),
            issuer: accounts.to_owned(),
            client_id: client_id.to_owned(),
            redirect_uri: url(redirect_uri),
            source: url(source),
        }
    }

    /// A service that has everything below one address, as a stand-in has; `None` if nothing can be below it.
    #[must_use]
    pub fn below(base: &Url, client_id: &str) -> Option<Self> {
        let at = |path: &str| beneath(base, path);
        let accounts = at("accounts/api")?;
        Some(Self {
            sso: at("sso/")?,
            issuer: accounts.to_string(),
            accounts,
            client_id: client_id.to_owned(),
            redirect_uri: at("sso/auth/callback")?,
            source: at("source/")?,
        })
    }

    /// A path below the accounts service.
    pub(super) fn account_path(&self, path: &str) -> Option<Url> {
        beneath(&self.accounts, path)
    }

    /// A path below the data service; the segments come from answers, and none of them can leave its place.
    pub(super) fn data_path<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Option<Url> {
        let mut url = self.source.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push("api").extend(segments);
        Some(url)
    }

    /// Whether a redirect of the accounts service may be followed there: to one of the service's own origins.
    pub(super) fn may_follow(&self, to: &Url) -> bool {
        [&self.accounts, &self.sso, &self.redirect_uri, &self.source].iter().any(|ours| ours.origin() == to.origin())
    }

    /// Whether an address is the one that the code of a login comes to.
    pub(super) fn is_callback(&self, to: &Url) -> bool {
        to.origin() == self.redirect_uri.origin() && to.path() == self.redirect_uri.path()
    }

    /// Whether every address is one that credentials may go to: HTTPS, or this machine.
    pub(super) fn are_private(&self) -> bool {
        [&self.sso, &self.accounts, &self.redirect_uri, &self.source].into_iter().all(|url| match url.scheme() {
            "https" => true,
            "http" => is_this_machine(url),
            _ => false,
        })
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path below a base, whether the base ends with a slash or not.
fn beneath(base: &Url, path: &str) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path.split('/'));
    Some(url)
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a constant address")
}
