//! A client of Apple's App Store Server API: the status of subscriptions, the history of notifications.
//!
//! <https://developer.apple.com/documentation/appstoreserverapi>

mod error;
mod reply;
mod token;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tidegate_app_store::Environment;
use time::OffsetDateTime;
use url::Url;

pub(crate) use error::ServerApiError;
use reply::{ErrorReply, StatusReply};
pub(crate) use reply::{HistoryPage, HistoryRequest, LastTransaction};
use token::RequestTokens;

use crate::config::ServerApiSettings;

const CONNECT: Duration = Duration::from_secs(3);
const WHOLE: Duration = Duration::from_secs(8);
/// A page of 20 notifications with three JWS each has some 400 KiB.
const MAX_REPLY_BYTES: usize = 4 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How often a question is asked, and how long one waits in between at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) attempts: u32,
    pub(crate) longest_pause: Duration,
}

impl Patience {
    /// While somebody waits for the answer.
    pub(crate) const REQUEST: Self = Self { attempts: 2, longest_pause: Duration::from_secs(1) };
    /// An operator's command.
    pub(crate) const COMMAND: Self = Self { attempts: 6, longest_pause: Duration::from_secs(60) };
}

/// The API in both environments.
pub(crate) struct ServerApi {
    http: Client,
    tokens: RequestTokens,
    production: Url,
    sandbox: Url,
}

impl ServerApi {
    pub(crate) fn new(settings: &ServerApiSettings) -> Self {
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // A redirect would carry the token to wherever it leads.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("the TLS backend is built in");
        Self {
            http,
            tokens: RequestTokens::new(settings),
            production: settings.production_url.clone(),
            sandbox: settings.sandbox_url.clone(),
        }
    }

    /// The last transaction of each subscription of the customer of this transaction; none if Apple knows no such transaction.
    pub(crate) async fn subscriptions(
        &self,
        environment: &Environment,
        bundle_id: &str,
        transaction_id: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<LastTransaction>, ServerApiError> {
        let url = self.url(environment, &["inApps", "v1", "subscriptions", transaction_id]);
        let ask = || Ok(self.http.get(url.clone()).bearer_auth(self.tokens.sign(bundle_id, now)?));
        match patiently::<StatusReply>(ask, Patience::REQUEST).await {
            Ok(reply) => Ok(reply.data.into_iter().flat_map(|group| group.last_transactions).collect()),
            Err(ServerApiError::Refused { code, .. }) if code / 10_000 == 404 => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One page of the notifications that Apple tried to send.
    pub(crate) async fn history(
        &self,
        environment: &Environment,
        bundle_id: &str,
        span: HistoryRequest,
        page: Option<&str>,
        now: impl Fn() -> OffsetDateTime,
    ) -> Result<HistoryPage, ServerApiError> {
        let mut url = self.url(environment, &["inApps", "v1", "notifications", "history"]);
        if let Some(page) = page {
            url.query_pairs_mut().append_pair("paginationToken", page);
        }
        let ask = || Ok(self.http.post(url.clone()).bearer_auth(self.tokens.sign(bundle_id, now())?).json(&span));
        patiently(ask, Patience::COMMAND).await
    }

    /// Everything but production is asked about in the sandbox: what Apple does not know there it knows nowhere.
    fn url(&self, environment: &Environment, path: &[&str]) -> Url {
        let base = if *environment == Environment::Production { &self.production } else { &self.sandbox };
        let mut url = base.clone();
        // Encodes each segment: an id cannot lead to another path.
        url.path_segments_mut().expect("the setting is an http URL").pop_if_empty().extend(path);
        url
    }
}

/// Asks until there is an answer, a refusal that stands, or no patience left.
async fn patiently<T: DeserializeOwned>(
    ask: impl Fn() -> Result<RequestBuilder, jsonwebtoken::errors::Error>,
    patience: Patience,
) -> Result<T, ServerApiError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..patience.attempts {
        let error = match once(ask().map_err(ServerApiError::Token)?).await {
            Ok(reply) => return Ok(reply),
            Err(error) if error.is_passing() => error,
            Err(error) => return Err(error),
        };
        let asked = if let ServerApiError::RateLimited { wait } = &error { *wait } else { None };
        if asked.is_some_and(|asked| asked > patience.longest_pause) {
            return Err(error);
        }
        tokio::time::sleep(asked.unwrap_or(pause).min(patience.longest_pause)).await;
        pause *= 3;
    }
    once(ask().map_err(ServerApiError::Token)?).await
}

async fn once<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ServerApiError> {
    let response = request.send().await.map_err(ServerApiError::Unreachable)?;
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED => return Err(ServerApiError::Unauthorized),
        StatusCode::TOO_MANY_REQUESTS => return Err(ServerApiError::RateLimited { wait: wait_of(response.headers()) }),
        _ => {}
    }
    let body = bounded(response).await?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| ServerApiError::NotUnderstood { status });
    }
    match serde_json::from_slice::<ErrorReply>(&body) {
        Ok(ErrorReply { error_code, error_message }) => {
            let message = error_message.chars().filter(|c| !c.is_control()).take(200).collect();
            Err(ServerApiError::Refused { code: error_code, message })
        }
        Err(_) => Err(ServerApiError::NotUnderstood { status }),
    }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, ServerApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ServerApiError::Unreachable)? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            return Err(ServerApiError::TooLarge { limit: MAX_REPLY_BYTES });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Apple's `Retry-After` is a moment in milliseconds since 1970; small numbers are seconds, as everywhere else.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    const NO_MOMENT: u64 = 1_000_000_000;
    let number: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    if number < NO_MOMENT {
        return Some(Duration::from_secs(number));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_millis(number).saturating_sub(now))
}
