//! An issuer as a login meets it: its description, and calls that are bounded in time and size.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, redirect};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tidegate_oidc::Discovery;
use url::Url;

use super::error::LoginError;
use crate::options::Options;

const WHOLE: Duration = Duration::from_secs(30);
const MAX_BYTES: usize = 256 << 10;
/// Longest error code that is shown.
const MAX_CODE: usize = 64;

/// The issuer, described by itself.
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) discovery: Discovery,
    client: Client,
}

/// What the token endpoint gives (RFC 6749, section 5.1). Access and refresh tokens are not for us, and not read.
#[derive(Deserialize)]
struct TokenReply {
    id_token: Option<SecretString>,
}

/// An error of an endpoint (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct ErrorReply {
    error: String,
}

impl Provider {
    pub(super) async fn discover(issuer: &str, options: &Options) -> Result<Self, LoginError> {
        let unavailable = |reason: String| LoginError::Unavailable { issuer: issuer.to_owned(), reason };
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(WHOLE)
            // Codes and verifiers go to the endpoint that the issuer names and nowhere else.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unavailable(error.to_string()))?;
        let url = Discovery::url_of(issuer).map_err(|error| unavailable(error.to_string()))?;
        if !tidegate_oidc::is_reachable_safely(&url) {
            return Err(unavailable("its address is not https".to_owned()));
        }
        let response = client.get(url).send().await.map_err(|error| unavailable(cause(&error)))?;
        let status = response.status();
        let body = bounded(response).await.map_err(unavailable)?;
        if !status.is_success() {
            return Err(unavailable(format!("HTTP {}", status.as_u16())));
        }
        let discovery = Discovery::parse(&body, issuer).map_err(|fault| unavailable(fault.to_string()))?;
        Ok(Self { issuer: issuer.to_owned(), discovery, client })
    }

    pub(super) const fn offers_device_code(&self) -> bool {
        self.discovery.device_authorization_endpoint.is_some() && self.discovery.token_endpoint.is_some()
    }

    pub(super) const fn offers_browser(&self) -> bool {
        self.discovery.authorization_endpoint.is_some() && self.discovery.token_endpoint.is_some()
    }

    /// Trades what a login gave for its ID token.
    pub(super) async fn id_token(&self, form: &BTreeMap<&str, &str>) -> Result<SecretString, LoginError> {
        let endpoint = self.discovery.token_endpoint.as_ref().ok_or_else(|| self.flow_missing())?;
        let reply: TokenReply = self.post(endpoint, form).await?;
        reply.id_token.ok_or_else(|| self.unavailable("it gave no ID token"))
    }

    /// Posts a form (RFC 6749) and reads the JSON that comes back; an error of the protocol is [`LoginError::Refused`].
    pub(super) async fn post<T: DeserializeOwned>(&self, url: &Url, form: &BTreeMap<&str, &str>) -> Result<T, LoginError> {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(url.clone()).header("content-type", "application/x-www-form-urlencoded");
        let response = request.header("accept", "application/json").body(body).send().await;
        let response = response.map_err(|error| self.unavailable(cause(&error)))?;
        let status = response.status();
        let body = bounded(response).await.map_err(|reason| self.unavailable(reason))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| self.unavailable("its answer is not that of an OpenID provider"));
        }
        match serde_json::from_slice::<ErrorReply>(&body) {
            Ok(ErrorReply { error }) => Err(LoginError::Refused { issuer: self.issuer.clone(), code: plain(&error) }),
            Err(_) => Err(self.unavailable(format!("HTTP {}", status.as_u16()))),
        }
    }

    pub(super) fn unavailable(&self, reason: impl Into<String>) -> LoginError {
        LoginError::Unavailable { issuer: self.issuer.clone(), reason: reason.into() }
    }

    pub(super) fn flow_missing(&self) -> LoginError {
        LoginError::FlowMissing { issuer: self.issuer.clone() }
    }
}

/// What of another's text may be shown on a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.')).take(MAX_CODE).collect()
}

async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(format!("its answer has more than {MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause: the outer ones name the whole address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::error::Error::source(error).is_some() { cause.to_string() } else { "the connection failed".to_owned() }
}
