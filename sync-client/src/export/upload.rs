//! Documents sent to a Nightscout. The secret goes in headers, hashed or exchanged for a token, and never into a log, an error or, but
//! for the one request of API v3 that Nightscout has no other form for, a URL.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{DATE, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use tokio::sync::RwLock;
use url::{Host, Url};

use super::nightscout::{Api, Collection, Document};
use crate::error::Class;

/// Documents in one request of API v1.
const BATCH: usize = 200;
/// Requests of API v3 at a time: it takes one document in each.
const AT_ONCE: usize = 4;
/// How often a request is made that meets a busy server.
const TRIES: u32 = 4;
/// The longest rest between two tries.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// The most of an answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// What opens a Nightscout.
#[derive(Clone)]
pub enum NightscoutKey {
    /// The site's `API_SECRET`: for API v1.
    ApiSecret(SecretString),
    /// An access token of the site's admin tools, with the right to create, update and delete: for API v3.
    AccessToken(SecretString),
}

/// Why documents could not be sent. Nothing in it is secret, nor anybody's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The address is none that a secret may be sent to.
    #[error("the address of the Nightscout cannot be used: {0}")]
    Address(&'static str),
    /// The secret is none.
    #[error("the secret for the Nightscout cannot be used: {0}")]
    Key(&'static str),
    /// The Nightscout does not let us in.
    #[error("the Nightscout at {host} refuses the secret (HTTP {status})")]
    Denied {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It refuses a document, or is none.
    #[error("the Nightscout at {host} refuses a document (HTTP {status})")]
    Refused {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It cannot be reached, or is busy.
    #[error("the Nightscout at {host} is not available: {reason}")]
    Unavailable {
        /// Host and port.
        host: String,
        /// Why.
        reason: String,
    },
}

impl UploadError {
    /// The stable code, kebab-case, never reused.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "nightscout-address-invalid",
            Self::Key(_) => "nightscout-secret-invalid",
            Self::Denied { .. } => "nightscout-denied",
            Self::Refused { .. } => "nightscout-refused",
            Self::Unavailable { .. } => "nightscout-unavailable",
        }
    }

    /// What a caller should do.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Address(_) | Self::Key(_) | Self::Refused { .. } => Class::Invalid,
            Self::Denied { .. } => Class::Denied,
            Self::Unavailable { .. } => Class::Retry,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Address(_) => "give the site's address, as https://my.site.example",
            Self::Key(_) => "the file has to hold the site's API_SECRET, or an access token as the site's admin tools show it",
            Self::Denied { .. } => {
                "check the secret; a token needs the rights to create, update and delete treatments and entries"
            }
            Self::Refused { .. } => {
                "check the address; if it is a Nightscout's, update it. What was sent before is there, and is not doubled by another try"
            }
            Self::Unavailable { .. } => "try again later; what was sent before is there, and is not doubled",
        }
    }
}

/// What sending came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Documents that the Nightscout has taken, new or not.
    pub documents: u64,
    /// Those among them that took the place of an earlier version with other times.
    pub replaced: u64,
}

/// A Nightscout that documents are sent to.
pub struct Nightscout {
    base: Url,
    host: String,
    http: Client,
    key: NightscoutKey,
    /// What the access token was exchanged for.
    token: RwLock<Option<SecretString>>,
}

impl fmt::Debug for Nightscout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nightscout").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Nightscout {
    /// The Nightscout at this address. No request is made.
    ///
    /// # Errors
    /// `nightscout-address-invalid` where the address is not `https` (but for this machine itself), or has a password, a query or a
    /// fragment; `nightscout-secret-invalid`.
    pub fn new(address: &str, key: NightscoutKey) -> Result<Self, UploadError> {
        let base = Url::parse(address).map_err(|_| UploadError::Address("it is no URL"))?;
        check_address(&base)?;
        check_key(&key)?;
        let host = match (base.host_str(), base.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let http = Client::builder()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(120))
            // A redirect would carry the secret to whoever it names.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| UploadError::Address("no HTTP client can be made"))?;
        Ok(Self { base, host, http, key, token: RwLock::default() })
    }

    /// The version of the API that the secret opens.
    #[must_use]
    pub const fn api(&self) -> Api {
        match self.key {
            NightscoutKey::ApiSecret(_) => Api::V1,
            NightscoutKey::AccessToken(_) => Api::V3,
        }
    }

    /// Sends documents, made for [`Nightscout::api`]. Sending them again, whole or in part, makes none twice.
    ///
    /// # Errors
    /// `nightscout-denied`, `nightscout-refused`, `nightscout-unavailable`.
    pub async fn send(&self, documents: &[Document]) -> Result<Sent, UploadError> {
        match &self.key {
            NightscoutKey::ApiSecret(secret) => self.send_v1(secret, documents).await,
            NightscoutKey::AccessToken(token) => self.send_v3(token, documents).await,
        }
    }

    async fn send_v1(&self, secret: &SecretString, documents: &[Document]) -> Result<Sent, UploadError> {
        let hashed = SecretString::from(hex(&Sha1::digest(secret.expose_secret().as_bytes())));
        let mut collections: BTreeMap<Collection, Vec<&Value>> = BTreeMap::new();
        for Document { collection, document } in documents {
            collections.entry(*collection).or_default().push(document);
        }
        for (collection, documents) in collections {
            for batch in documents.chunks(BATCH) {
                let url = self.url(&["api", "v1", &format!("{}.json", collection.as_str())]);
                let request = self.http.post(url).header("api-secret", hashed.expose_secret()).json(batch);
                let response = self.answered(request).await?;
                self.expect_taken(response.status())?;
            }
        }
        Ok(Sent { documents: documents.len() as u64, replaced: 0 })
    }

    async fn send_v3(&self, token: &SecretString, documents: &[Document]) -> Result<Sent, UploadError> {
        let sends = documents.iter().map(|document| self.send_one(token, document));
        let replaced: Vec<bool> = futures_util::stream::iter(sends).buffer_unordered(AT_ONCE).try_collect().await?;
        let count = replaced.iter().filter(|replaced| **replaced).count() as u64;
        Ok(Sent { documents: documents.len() as u64, replaced: count })
    }

    /// Sends one document, and tells whether it took the place of another. API v3 refuses to change some fields, the time among
    /// them; a sample of which more became known since begins earlier, so then the old document is taken away first.
    async fn send_one(&self, token: &SecretString, document: &Document) -> Result<bool, UploadError> {
        let Document { collection, document } = document;
        let path = ["api", "v3", collection.as_str()];
        let response = self.authorized(token, Method::POST, &path, &[], Some(document)).await?;
        let status = response.status();
        if status != StatusCode::BAD_REQUEST || !says_immutable(response).await {
            return self.expect_taken(status).map(|()| false);
        }
        let identifier = document["identifier"].as_str().unwrap_or_default();
        let path_of_one = ["api", "v3", collection.as_str(), identifier];
        let response = self.authorized(token, Method::DELETE, &path_of_one, &[("permanent", "true")], None).await?;
        if response.status() != StatusCode::NOT_FOUND {
            self.expect_taken(response.status())?;
        }
        let response = self.authorized(token, Method::POST, &path, &[], Some(document)).await?;
        self.expect_taken(response.status())?;
        Ok(true)
    }

    /// A request of API v3. A token that has run out is exchanged anew, once.
    async fn authorized(
        &self,
        key: &SecretString,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response, UploadError> {
        for is_last in [false, true] {
            let token = self.token(key).await?;
            let mut url = self.url(path);
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            // Older versions want to know the client's time.
            let now = httpdate::fmt_http_date(std::time::SystemTime::now());
            let request = self.http.request(method.clone(), url).bearer_auth(token.expose_secret()).header(DATE, now);
            let request = body.map_or_else(|| request.try_clone(), |body| request.try_clone().map(|request| request.json(body)));
            let Some(request) = request else { return Err(UploadError::Address("a request cannot be made")) };
            let response = self.answered(request).await?;
            match response.status() {
                StatusCode::UNAUTHORIZED if !is_last => self.forget(&token).await,
                _ => return Ok(response),
            }
        }
        Err(UploadError::Denied { host: self.host.clone(), status: StatusCode::UNAUTHORIZED.as_u16() })
    }

    /// The token that the access token stands for. Nightscout takes the access token in a path, and has no other way.
    async fn token(&self, key: &SecretString) -> Result<SecretString, UploadError> {
        if let Some(token) = self.token.read().await.as_ref() {
            return Ok(token.clone());
        }
        let mut kept = self.token.write().await;
        if let Some(token) = kept.as_ref() {
            return Ok(token.clone());
        }
        let url = self.url(&["api", "v2", "authorization", "request", key.expose_secret()]);
        let response = self.answered(self.http.get(url)).await?;
        let status = response.status();
        self.expect_taken(status)?;
        let refused = || UploadError::Refused { host: self.host.clone(), status: status.as_u16() };
        let answer: Value = serde_json::from_slice(&body_of(response).await.ok_or_else(refused)?).map_err(|_| refused())?;
        let token = answer["token"].as_str().filter(|token| is_token(token)).ok_or_else(refused)?;
        Ok(kept.insert(SecretString::from(token)).clone())
    }

    async fn forget(&self, token: &SecretString) {
        let mut kept = self.token.write().await;
        if kept.as_ref().is_some_and(|kept| kept.expose_secret() == token.expose_secret()) {
            *kept = None;
        }
    }

    /// Sends a request until the server is not busy.
    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<Response, UploadError> {
        let mut rest = Duration::from_secs(1);
        let mut reason = "it does not answer".to_owned();
        for round in 1..=TRIES {
            let Some(request) = request.try_clone() else { return Err(UploadError::Address("a request cannot be made")) };
            match request.send().await {
                Ok(response) if is_busy(response.status()) => {
                    reason = format!("HTTP {}", response.status().as_u16());
                    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                    rest = asked.map_or(rest, Duration::from_secs);
                }
                Ok(response) => return Ok(response),
                // The error's own words hold the URL.
                Err(error) if error.is_timeout() => reason = "it did not answer in time".to_owned(),
                Err(error) if error.is_connect() => reason = "no connection".to_owned(),
                Err(_) => reason = "the connection broke".to_owned(),
            }
            if round < TRIES {
                tokio::time::sleep(rest.min(LONGEST_REST)).await;
                rest *= 2;
            }
        }
        Err(UploadError::Unavailable { host: self.host.clone(), reason })
    }

    fn expect_taken(&self, status: StatusCode) -> Result<(), UploadError> {
        let (host, number) = (self.host.clone(), status.as_u16());
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(UploadError::Denied { host, status: number }),
            _ => Err(UploadError::Refused { host, status: number }),
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// A secret goes over TLS, or to this machine.
fn check_address(base: &Url) -> Result<(), UploadError> {
    let is_this_machine = match base.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if base.scheme() != "https" && !(base.scheme() == "http" && is_this_machine) {
        return Err(UploadError::Address("it is not https, and the secret would be readable on its way"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(UploadError::Address("it holds a password"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(UploadError::Address("it has a query or a fragment; a secret does not belong there"));
    }
    Ok(())
}

fn check_key(key: &NightscoutKey) -> Result<(), UploadError> {
    match key {
        // Nightscout does not start with a shorter one.
        NightscoutKey::ApiSecret(secret) if secret.expose_secret().len() < 12 => {
            Err(UploadError::Key("an API secret has at least 12 characters"))
        }
        // It becomes part of a path.
        NightscoutKey::AccessToken(token) if !is_access_token(token.expose_secret()) => {
            Err(UploadError::Key("an access token has letters, digits and hyphens"))
        }
        NightscoutKey::ApiSecret(_) | NightscoutKey::AccessToken(_) => Ok(()),
    }
}

fn is_access_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

/// Of the characters of a JSON web token, so that it is a header's value.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// Whether a refusal is about a field that API v3 lets nobody change.
async fn says_immutable(response: Response) -> bool {
    let Some(body) = body_of(response).await else { return false };
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    answer["message"].as_str().is_some_and(|message| message.contains("cannot be modified"))
}

async fn body_of(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return None;
        }
    }
    Some(body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str, key: NightscoutKey) -> &'static str {
        Nightscout::new(address, key).unwrap_err().code()
    }

    #[test]
    fn a_secret_goes_over_tls_or_to_this_machine() {
        let key = || NightscoutKey::ApiSecret("a-long-api-secret".into());
        for address in ["https://my.site.example", "http://127.0.0.1:1337", "http://[::1]:1337/ns/", "http://localhost:1"] {
            assert!(Nightscout::new(address, key()).is_ok(), "{address}");
        }
        for address in [
            "http://my.site.example",
            "http://127.0.0.1.evil.example",
            "ftp://my.site.example",
            "my.site.example",
            "https://user:secret@my.site.example",
            "https://my.site.example/?token=secret",
            "https://my.site.example/#secret",
        ] {
            assert_eq!(refusal(address, key()), "nightscout-address-invalid", "{address}");
        }
    }

    #[test]
    fn a_secret_that_is_none_is_refused_unsent() {
        let address = "https://my.site.example";
        assert_eq!(refusal(address, NightscoutKey::ApiSecret("short".into())), "nightscout-secret-invalid");
        for token in ["", "a/b", "../../status", "a?b", "a b", "a\r\nb"] {
            assert_eq!(refusal(address, NightscoutKey::AccessToken(token.into())), "nightscout-secret-invalid", "{token:?}");
        }
    }

    #[test]
    fn nothing_shows_the_secret() {
        let site = Nightscout::new("https://my.site.example/ns", NightscoutKey::ApiSecret("a-long-api-secret".into())).unwrap();
        assert_eq!(format!("{site:?}"), "Nightscout { host: \"my.site.example\", .. }");
        assert_eq!(site.url(&["api", "v1", "entries.json"]).as_str(), "https://my.site.example/ns/api/v1/entries.json");
    }
}
