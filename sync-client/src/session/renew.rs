//! Access tokens live minutes: they are renewed before they end, by a renewal token that lives weeks.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{RenewRequest, SessionReply};
use time::Duration;

use super::Session;
use super::call::{Token, json};
use crate::error::Error;
use crate::home::SessionFile;
use crate::transport::RequestKind;

/// A token that ends sooner than this is renewed first: URLs may live no longer than the token that they were asked with.
const RENEW_BEFORE: Duration = Duration::seconds(120);

impl Session {
    /// Posts with a valid access token; with a fresh one, once, if the broker says that this one has ended.
    pub(crate) async fn call_with_token<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        kind: RequestKind,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        self.call_by(&Method::POST, kind, path, &json(body)).await
    }

    /// The same by any method; without a body where it has no bytes.
    pub(super) async fn call_by<T: DeserializeOwned>(
        &self,
        method: &Method,
        kind: RequestKind,
        path: &str,
        body: &[u8],
    ) -> Result<T, Error> {
        self.call_proving(method, kind, path, |_| body.to_vec()).await
    }

    /// The same with a body that depends on the nonce, as account proofs do.
    pub(super) async fn call_proving<T: DeserializeOwned>(
        &self,
        method: &Method,
        kind: RequestKind,
        path: &str,
        body: impl Fn(Option<&str>) -> Vec<u8>,
    ) -> Result<T, Error> {
        let token = self.access_token().await?;
        let reply = self.call(method, kind, path, Token::Access(&token), &body).await;
        match reply {
            Err(Error::Problem {
                code: ProblemCode::TokenExpired | ProblemCode::TokenInvalid | ProblemCode::SessionEnded | ProblemCode::RenewFirst,
                ..
            }) => {
                let token = self.renew(Some(&token)).await?;
                self.call(method, kind, path, Token::Access(&token), &body).await
            }
            reply => reply,
        }
    }

    /// Renews now, however long the access token would live on.
    pub(crate) async fn renew_now(&self) -> Result<(), Error> {
        let current = self.tokens().map(|tokens| tokens.access_token.clone());
        self.renew(current.as_deref()).await.map(drop)
    }

    async fn access_token(&self) -> Result<String, Error> {
        match self.tokens() {
            // Before an account is linked there is nothing to renew by: its token serves until the broker says that it has ended.
            Some(tokens) if self.is_fresh(&tokens) || tokens.renewal_token.is_none() => Ok(tokens.access_token.clone()),
            Some(tokens) => self.renew(Some(&tokens.access_token)).await,
            None => Err(Error::SessionMissing),
        }
    }

    fn is_fresh(&self, tokens: &SessionFile) -> bool {
        self.http.clock().now() + RENEW_BEFORE < tokens.access_expires_at
    }

    /// A token other than `stale`: from another task or process that renewed meanwhile, or from the broker.
    async fn renew(&self, stale: Option<&str>) -> Result<String, Error> {
        let _one_at_a_time = self.renewing.lock().await;
        let is_news = |tokens: &SessionFile| Some(tokens.access_token.as_str()) != stale && self.is_fresh(tokens);
        if let Some(tokens) = self.tokens().filter(is_news) {
            return Ok(tokens.access_token.clone());
        }
        let kept = SessionFile::load(&self.home)?;
        if let Some(tokens) = kept.as_ref().filter(|tokens| is_news(tokens)) {
            self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).tokens = Some(tokens.clone());
            return Ok(tokens.access_token.clone());
        }
        // The other process may have rotated the renewal token: the one in the file is the newest.
        let tokens = kept.or_else(|| self.tokens()).ok_or(Error::SessionMissing)?;
        let Some(renewal_token) = tokens.renewal_token.clone() else { return Err(Error::SessionMissing) };
        let body = json(&RenewRequest { renewal_token: renewal_token.clone() });
        let reply: SessionReply =
            self.post(RequestKind::Renew, "/v1/session/renew", Token::Renewal(&renewal_token), |_| body.clone()).await?;
        if reply.scope != AccountScope::Full {
            return Err(self.malformed("a renewal with another scope than full"));
        }
        self.adopt(&reply)?;
        Ok(reply.access_token)
    }
}
