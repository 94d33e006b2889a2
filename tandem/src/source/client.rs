//! Single requests to the vendor's service.

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue, ORIGIN, REFERER};
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::ExposeSecret as _;

use super::account::{Account, Pump};
use super::adapter::json_v1;
use super::endpoints::Endpoints;
use super::error::SourceError;
use super::http::{Http, Limits, Reply};
use super::id_token::is_identifier;
use super::login::{Login, Token};
use super::pump_log::PumpLog;
use super::sign_in;
use super::window::Window;

/// The longest answer about an account, in bytes.
const MOST_ACCOUNT_BYTES: usize = 8 * 1024 * 1024;
/// The longest log of a window, in bytes: 28 days with a reading every minute have about 30 MiB.
const MOST_LOG_BYTES: usize = 96 * 1024 * 1024;

/// Asks the vendor's service. It keeps nothing between requests: neither cookies nor tokens.
#[derive(Debug, Clone)]
pub struct Client {
    endpoints: Endpoints,
    limits: Limits,
    http: Http,
}

impl Client {
    /// Of a service.
    ///
    /// # Errors
    /// If an address is one that credentials must not go to, or if TLS cannot be set up.
    pub fn new(endpoints: Endpoints) -> Result<Self, SourceError> {
        Self::with_limits(endpoints, Limits::default())
    }

    /// Of a service, with other limits than the usual ones.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_limits(endpoints: Endpoints, limits: Limits) -> Result<Self, SourceError> {
        if !endpoints.are_private() {
            return Err(SourceError::NotPrivate);
        }
        Ok(Self { endpoints, limits, http: Http::new(limits, false)? })
    }

    /// The service.
    #[must_use]
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Logs in. An attempt that fails counts at the service, so this never tries twice.
    ///
    /// # Errors
    /// If the service refuses, fails, or has changed.
    pub async fn login(&self, login: &Login) -> Result<Token, SourceError> {
        sign_in::sign_in(&self.endpoints, self.limits, login).await
    }

    /// The pumps of the account.
    ///
    /// # Errors
    /// [`SourceError::TokenRefused`] if the token has ended; else if the service fails or has changed.
    pub async fn account(&self, token: &Token) -> Result<Account, SourceError> {
        const STEP: &str = "account";
        let url = self.path(token, json_v1::account_path(&token.pumper_id))?;
        let reply = self.read(token, &url, MOST_ACCOUNT_BYTES, STEP).await?;
        json_v1::read_account(&reply.body).map_err(|problem| reply.changed(STEP, problem, &secrets(token)))
    }

    /// What a pump wrote into its log on some days.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn pump_log(&self, token: &Token, pump: &Pump, window: Window) -> Result<PumpLog, SourceError> {
        const STEP: &str = "pump-log";
        if !is_identifier(&pump.assignment_id) {
            return Err(SourceError::NotPrivate);
        }
        let mut url = self.path(token, json_v1::log_path(&pump.assignment_id))?;
        url.query_pairs_mut().extend_pairs(json_v1::log_query(&token.pumper_id, window));
        let reply = self.read(token, &url, MOST_LOG_BYTES, STEP).await?;
        let log = json_v1::read_log(&reply.body, &pump.assignment_id, window);
        log.map_err(|problem| reply.changed(STEP, problem, &secrets(token)))
    }

    async fn read(&self, token: &Token, url: &Url, limit: usize, step: &'static str) -> Result<Reply, SourceError> {
        let bearer = HeaderValue::from_str(&token.bearer()).map_err(|_| SourceError::TokenRefused)?;
        let reply = self.http.read(|| self.authorised(&bearer, url), limit).await?;
        let reply = reply.check(step, Timestamp::now(), &secrets(token))?;
        if reply.status == StatusCode::OK {
            Ok(reply)
        } else {
            Err(reply.changed(step, "the status is another one", &secrets(token)))
        }
    }

    /// The firewall refuses what does not come from a page of the service.
    fn authorised(&self, bearer: &HeaderValue, url: &Url) -> RequestBuilder {
        let mut bearer = bearer.clone();
        bearer.set_sensitive(true);
        self.http
            .get(url.clone())
            .header(AUTHORIZATION, bearer)
            .header(ORIGIN, self.endpoints.source.origin().ascii_serialization())
            .header(REFERER, self.endpoints.source.as_str())
    }

    fn path(&self, token: &Token, segments: [&str; 4]) -> Result<Url, SourceError> {
        // A token is read from storage; what it names becomes part of an address.
        if !is_identifier(&token.pumper_id) {
            return Err(SourceError::TokenRefused);
        }
        self.endpoints.data_path(segments).ok_or(SourceError::NotPrivate)
    }
}

fn secrets(token: &Token) -> [&str; 3] {
    [token.access_token.expose_secret(), &token.pumper_id, &token.account_id]
}
