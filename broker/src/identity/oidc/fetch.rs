//! Fetches an issuer's documents: bounded in time and size, and from nowhere else than where they were asked for.

use std::time::Duration;

use http::StatusCode;
use http::header::ACCEPT;
use reqwest::{Client, redirect};
use tidegate_oidc::{Discovery, DiscoveryFault, KeySet, KeySetFault, is_reachable_safely};
use url::Url;

const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(6);
/// A description has some 5 KiB.
const MAX_DISCOVERY_BYTES: usize = 64 << 10;
/// A key with its certificate chain has some 5 KiB.
const MAX_KEY_SET_BYTES: usize = 256 << 10;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the issuer does not answer")]
    Http(#[source] reqwest::Error),
    #[error("the issuer answered with status {0}")]
    Status(StatusCode),
    #[error("the issuer answered with more than {0} bytes")]
    TooLarge(usize),
    #[error("an address of the issuer is not https")]
    Address,
    #[error(transparent)]
    Discovery(#[from] DiscoveryFault),
    #[error(transparent)]
    Keys(#[from] KeySetFault),
}

/// What asks issuers.
#[derive(Clone)]
pub(super) struct Fetch {
    client: Client,
}

impl Fetch {
    pub(super) fn new() -> Self {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // A redirect would let whoever can make the issuer redirect choose the keys.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate-broker/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("the TLS backend is built in");
        Self { client }
    }

    /// The issuer's keys, from where its description says, or from where the operator does.
    pub(super) async fn keys(&self, issuer: &str, jwks_url: Option<&Url>) -> Result<KeySet, FetchError> {
        let jwks_url = match jwks_url {
            Some(url) => url.clone(),
            None => {
                let url = Discovery::url_of(issuer).map_err(|_| FetchError::Address)?;
                Discovery::parse(&self.get(url, MAX_DISCOVERY_BYTES).await?, issuer)?.jwks_uri
            }
        };
        Ok(KeySet::parse(&self.get(jwks_url, MAX_KEY_SET_BYTES).await?)?)
    }

    async fn get(&self, url: Url, limit: usize) -> Result<Vec<u8>, FetchError> {
        if !is_reachable_safely(&url) {
            return Err(FetchError::Address);
        }
        let mut response = self.client.get(url).header(ACCEPT, "application/json").send().await.map_err(FetchError::Http)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Http)? {
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
