//! Fetches OCSP answers. The address comes out of a certificate: only hosts that the operator listed are ever called.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::{Client, redirect};
use tidegate_app_store::{Chain, MAX_RESPONSE_BYTES, OcspAnswer, OcspError, OcspStatus, Position, judge, request};
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::config::AppStoreSettings;
use crate::metrics::Metrics;

/// A responder that takes longer is down.
const TIMEOUT: StdDuration = StdDuration::from_secs(4);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the certificate names no responder")]
    NoResponder,
    #[error("the certificate names a responder that is not in app_store.ocsp_hosts")]
    HostNotListed,
    #[error("the responder does not answer")]
    Http(#[from] reqwest::Error),
    #[error("the responder answered with status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Answer(#[from] OcspError),
}

/// Asks responders over HTTP; the answers are signed, so that plain HTTP, as Apple uses it, is enough.
pub(super) struct OcspFetch {
    client: Client,
    hosts: Vec<String>,
    skew: Duration,
    metrics: Arc<Metrics>,
}

impl OcspFetch {
    pub(super) fn new(settings: &AppStoreSettings, metrics: &Arc<Metrics>) -> Self {
        // A redirect would lead past the list of hosts.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(TIMEOUT).build();
        Self {
            client: client.expect("the settings are constant"),
            hosts: settings.ocsp_hosts.clone(),
            skew: settings.clock_skew,
            metrics: Arc::clone(metrics),
        }
    }

    /// The responder's answer about one certificate, believed.
    pub(super) async fn answer(&self, chain: &Chain, position: Position, now: OffsetDateTime) -> Result<OcspAnswer, FetchError> {
        let answer = self.ask(chain, position, now).await;
        self.metrics.ocsp(match &answer {
            Ok(answer) if answer.status() == OcspStatus::Revoked => "revoked",
            Ok(_) => "good",
            Err(FetchError::Http(_) | FetchError::Status(_)) => "unreachable",
            Err(FetchError::NoResponder | FetchError::HostNotListed | FetchError::Answer(_)) => "unusable",
        });
        answer
    }

    async fn ask(&self, chain: &Chain, position: Position, now: OffsetDateTime) -> Result<OcspAnswer, FetchError> {
        let url = chain.ocsp_url(position).ok_or(FetchError::NoResponder)?;
        let url = listed(&url, &self.hosts).ok_or(FetchError::HostNotListed)?;
        let question = request(chain, position);
        let mut response = self.client.post(url).header(CONTENT_TYPE, "application/ocsp-request").body(question).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await? {
            if answer.len() + part.len() > MAX_RESPONSE_BYTES {
                return Err(OcspError::TooLarge.into());
            }
            answer.extend_from_slice(&part);
        }
        Ok(judge(chain, position, &answer, now, self.skew)?)
    }
}

/// The address, if it is plain HTTP or HTTPS on one of these hosts, with their port, and nothing else in disguise.
fn listed(url: &str, hosts: &[String]) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_bare = url.username().is_empty() && url.password().is_none();
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str()?),
        None => url.host_str()?.to_owned(),
    };
    (is_http && is_bare && hosts.contains(&host)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_listed(url: &str) -> bool {
        listed(url, &["ocsp.apple.com".to_owned()]).is_some()
    }

    #[test]
    fn only_listed_hosts_are_asked() {
        assert!(is_listed("http://ocsp.apple.com/ocsp03-wwdrg602"));
        assert!(is_listed("https://ocsp.apple.com/ocsp03-applerootcag3"));
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://localhost/ocsp",
            "http://ocsp.apple.com:8081/",
            "http://ocsp.apple.com@127.0.0.1/",
            "http://user@ocsp.apple.com/",
            "http://ocsp.apple.com.example.org/",
            "http://127.0.0.1/#ocsp.apple.com",
            "http://127.0.0.1\\@ocsp.apple.com/",
            "ftp://ocsp.apple.com/",
            "file:///etc/passwd",
            "gopher://ocsp.apple.com/",
            "//ocsp.apple.com/",
            "",
        ] {
            assert!(!is_listed(url), "{url}");
        }
    }
}
