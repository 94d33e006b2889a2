//! A login: five requests, one cookie jar. The password goes to one address, and each further step to addresses of the service alone.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::REFERER;
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::endpoints::Endpoints;
use super::error::SourceError;
use super::http::{Http, Limits, Reply};
use super::id_token::{self, Expected, KeySet};
use super::login::{Login, Token};
use super::pkce;

/// The longest answer of a login, in bytes. Pages of HTML are among them.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// How many redirects a login may take.
const MOST_HOPS: usize = 8;
/// The longest code and the longest token, in bytes.
const MOST_TOKEN_BYTES: usize = 16 * 1024;
/// How long a token lasts at most, whatever the service says.
const LONGEST_LIFE: i64 = 7 * 24 * 3600;
/// How long no login is attempted after the service has locked the account.
const LOCKED: SignedDuration = SignedDuration::from_hours(1);

/// The answer to name and password.
#[derive(Deserialize)]
struct Entered {
    status: String,
}

/// The answer to a code.
#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    id_token: SecretString,
    expires_in: i64,
    token_type: Option<String>,
}

/// Logs in.
pub(super) async fn sign_in(endpoints: &Endpoints, limits: Limits, login: &Login) -> Result<Token, SourceError> {
    let http = Http::new(limits, true)?;
    let steps = Steps { endpoints, http: &http, login };
    steps.begin().await?;
    steps.enter().await?;
    let verifier = pkce::verifier();
    let code = steps.authorize(&pkce::challenge(&verifier)).await?;
    let granted = steps.redeem(&code, &verifier).await?;
    steps.identify(granted).await
}

struct Steps<'a> {
    endpoints: &'a Endpoints,
    http: &'a Http,
    login: &'a Login,
}

impl Steps<'_> {
    /// The page that a browser begins at gives cookies; what it shows does not matter, nor where it leads beyond the service.
    async fn begin(&self) -> Result<(), SourceError> {
        let mut at = self.endpoints.sso.clone();
        for _ in 0..MOST_HOPS {
            let page = self.http.send(self.http.get(at.clone()), MOST_BYTES).await?;
            let next = page.redirect(&at);
            match page.check("begin", Timestamp::now(), &self.secrets()) {
                Ok(_) | Err(SourceError::TokenRefused) => {}
                Err(error) => return Err(error),
            }
            match next.filter(|next| self.endpoints.may_follow(next)) {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(())
    }

    /// Name and password.
    async fn enter(&self) -> Result<(), SourceError> {
        const STEP: &str = "login";
        let password = self.login.password.expose_secret();
        let body = serde_json::json!({ "username": self.login.username, "password": password });
        let request = self.http.post(self.path("login")?).header(REFERER, self.endpoints.sso.as_str()).json(&body);
        let reply = self.http.send(request, MOST_BYTES).await?;
        let now = Timestamp::now();
        if reply.status.is_client_error() && reply.words().contains("max attempted logins") {
            return Err(SourceError::Locked { until: now.saturating_add(LOCKED).unwrap_or(Timestamp::MAX) });
        }
        if reply.status.is_client_error() && reply.words().contains("invalid_credentials") {
            return Err(SourceError::Refused);
        }
        let reply = match reply.check(STEP, now, &self.secrets()) {
            Err(SourceError::TokenRefused) => return Err(SourceError::Refused),
            other => other?,
        };
        let entered: Entered = reply.json(STEP, &self.secrets())?;
        if entered.status == "SUCCESS" {
            Ok(())
        } else {
            Err(SourceError::LoginNeedsAttention(reply.report(STEP, "the login is not complete", &self.secrets())))
        }
    }

    /// The code of the login. It stands in the address of the last redirect, which is not followed.
    async fn authorize(&self, challenge: &str) -> Result<Zeroizing<String>, SourceError> {
        const STEP: &str = "authorize";
        let mut at = self.path("connect/authorize")?;
        at.query_pairs_mut()
            .append_pair("client_id", &self.endpoints.client_id)
            .append_pair("response_type", "code")
            .append_pair("scope", "openid profile email")
            .append_pair("redirect_uri", self.endpoints.redirect_uri.as_str())
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        for _ in 0..MOST_HOPS {
            let reply = self.http.read(|| self.refer(self.http.get(at.clone())), MOST_BYTES).await?;
            let reply = self.checked(reply, STEP)?;
            let Some(next) = reply.redirect(&at) else {
                return Err(reply.changed(STEP, "it does not lead to a code", &self.secrets()));
            };
            if self.endpoints.is_callback(&next) {
                return code_of(&next).ok_or_else(|| reply.changed(STEP, "it leads back without a code", &self.secrets()));
            }
            if !self.endpoints.may_follow(&next) {
                return Err(SourceError::LedElsewhere);
            }
            at = next;
        }
        Err(SourceError::LedElsewhere)
    }

    /// A code's tokens.
    async fn redeem(&self, code: &str, verifier: &str) -> Result<Granted, SourceError> {
        const STEP: &str = "token";
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.endpoints.client_id),
            ("code", code),
            ("redirect_uri", self.endpoints.redirect_uri.as_str()),
            ("code_verifier", verifier),
        ];
        let request = self.http.post(self.path("connect/token")?).form(&form);
        let reply = self.checked(self.http.send(request, MOST_BYTES).await?, STEP)?;
        let granted: Granted = reply.json(STEP, &self.secrets())?;
        let token = granted.access_token.expose_secret();
        let is_token = (1..=MOST_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        let is_bearer = granted.token_type.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("bearer"));
        if is_token && is_bearer && granted.expires_in > 0 {
            Ok(granted)
        } else {
            Err(reply.changed(STEP, "it is no bearer token with a time to live", &self.secrets()))
        }
    }

    /// Whose tokens they are.
    async fn identify(&self, granted: Granted) -> Result<Token, SourceError> {
        const STEP: &str = "keys";
        let keys = self.path(".well-known/openid-configuration/jwks")?;
        let reply = self.checked(self.http.read(|| self.http.get(keys.clone()), MOST_BYTES).await?, STEP)?;
        let keys: KeySet = reply.json(STEP, &self.secrets())?;
        let now = Timestamp::now();
        let expected = Expected { issuer: &self.endpoints.issuer, client_id: &self.endpoints.client_id, now };
        let person = id_token::verify(granted.id_token.expose_secret(), &keys, &expected)?;
        let life = SignedDuration::from_secs(granted.expires_in.min(LONGEST_LIFE));
        Ok(Token {
            access_token: granted.access_token,
            pumper_id: person.pumper_id,
            account_id: person.account_id,
            expires_at: now.saturating_add(life).unwrap_or(now),
        })
    }

    /// A refusal after name and password were accepted is not one of the password.
    fn checked(&self, reply: Reply, step: &'static str) -> Result<Reply, SourceError> {
        if reply.status == StatusCode::UNAUTHORIZED {
            return Err(reply.changed(step, "the login was accepted and is refused now", &self.secrets()));
        }
        reply.check(step, Timestamp::now(), &self.secrets())
    }

    fn refer(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(REFERER, self.endpoints.sso.as_str())
    }

    fn path(&self, path: &str) -> Result<Url, SourceError> {
        self.endpoints.account_path(path).ok_or(SourceError::NotPrivate)
    }

    fn secrets(&self) -> [&str; 2] {
        [&self.login.username, self.login.password.expose_secret()]
    }
}

/// The code in an address, if there is exactly one.
fn code_of(url: &Url) -> Option<Zeroizing<String>> {
    let mut codes = url.query_pairs().filter(|(name, _)| name == "code").map(|(_, code)| Zeroizing::new(code.into_owned()));
    let code = codes.next().filter(|code| (1..=MOST_TOKEN_BYTES).contains(&code.len()))?;
    codes.next().is_none().then_some(code)
}
