//! Before the first credentials are handed out they are tried: what a store makes of a session policy is not taken on trust.
//!
//! The attack that must be looked for: MinIO takes the condition key `s3:prefix` from a header `prefix`, and from a query parameter
//! `Prefix`, too, while it lists by the query parameter `prefix`. Whoever holds credentials that may list one prefix lists the whole
//! bucket. On such a store credentials read objects and list nothing.

use std::time::Duration;

use reqwest::{Client, Response};
use secrecy::ExposeSecret as _;
use tidegate_sigv4::{Credentials, Endpoint, EndpointError, Method, PayloadHash, Presigner, SignError};
use time::OffsetDateTime;

use super::issuer::Issued;
use crate::store::StoreConfig;

const WHOLE: Duration = Duration::from_secs(8);
/// The beginning of a listing says for which prefix it is.
const MOST_BYTES: usize = 64 << 10;

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// What credentials of this store turned out to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They read and list what they should, and nothing else.
    ReadAndList,
    /// They read what they should; listing goes beyond its prefix, or does not work.
    ReadAlone,
    /// They do what they must not: read elsewhere or write.
    Unfit(&'static str),
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrialError {
    #[error("the store's address cannot be used")]
    Endpoint(#[from] EndpointError),
    #[error("a request cannot be signed")]
    Sign(#[from] SignError),
    #[error("the store cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the store fails ({status})")]
    Failing { status: u16 },
}

/// Where credentials are tried: two folders of no account, whose ids are UUIDs.
pub(crate) struct Trial {
    http: Client,
    pub(crate) own: String,
    sibling: String,
}

impl Trial {
    /// `random` makes the folders nobody else's.
    pub(crate) fn new(random: &str) -> Self {
        let http = Client::builder().timeout(WHOLE).redirect(reqwest::redirect::Policy::none()).build();
        Self {
            http: http.expect("the TLS backend is built in"),
            own: format!("users/trial-{random}/"),
            sibling: format!("users/trial-{random}-sibling/"),
        }
    }

    /// Tries credentials for [`Self::own`]. What they are not to do is refused with 403; a missing object that may be read is a 404.
    pub(crate) async fn judge(&self, store: &StoreConfig, issued: &Issued, now: OffsetDateTime) -> Result<Verdict, TrialError> {
        let signer = signer(store, issued)?;
        let (inside, outside) = (format!("{}x", self.own), format!("{}x", self.sibling));
        if !self.is_denied(&signer, now, Method::Get, &outside, &[]).await? {
            return Ok(Verdict::Unfit("reads a sibling prefix"));
        }
        // All of them, whatever the first comes to: the deletion takes away what a PUT may have left.
        let mut writes = false;
        for (method, query) in [(Method::Put, &[][..]), (Method::Delete, &[]), (Method::Post, &[("uploads", "")])] {
            writes |= !self.is_denied(&signer, now, method, &inside, query).await?;
        }
        if writes {
            return Ok(Verdict::Unfit("writes or deletes"));
        }
        if self.lists_elsewhere(&signer, now).await? {
            return Ok(Verdict::ReadAlone);
        }
        let own = [("list-type", "2"), ("prefix", self.own.as_str())];
        let lists = self.list(&signer, now, &own, &[]).await?.status().is_success();
        Ok(if lists { Verdict::ReadAndList } else { Verdict::ReadAlone })
    }

    /// The same of credentials that are to list nothing: [`Verdict::ReadAndList`] if they list anything all the same.
    pub(crate) async fn judge_without_listing(
        &self,
        store: &StoreConfig,
        issued: &Issued,
        now: OffsetDateTime,
    ) -> Result<Verdict, TrialError> {
        let verdict = self.judge(store, issued, now).await?;
        let signer = signer(store, issued)?;
        if verdict == Verdict::ReadAlone && self.lists_elsewhere(&signer, now).await? {
            return Ok(Verdict::ReadAndList);
        }
        Ok(verdict)
    }

    async fn lists_elsewhere(&self, signer: &Presigner, now: OffsetDateTime) -> Result<bool, TrialError> {
        let (own, sibling) = (self.own.as_str(), self.sibling.as_str());
        let open = own.trim_end_matches('/');
        let attempts: [(Pairs<'_>, Pairs<'_>); 9] = [
            (&[("prefix", sibling)], &[]),
            (&[("prefix", open)], &[]),
            (&[("prefix", "users/")], &[]),
            (&[], &[]),
            (&[("prefix", sibling)], &[("prefix", own)]),
            (&[], &[("prefix", own)]),
            (&[("Prefix", own), ("prefix", sibling)], &[]),
            (&[("Prefix", own)], &[]),
            (&[("prefix", sibling), ("prefix", own)], &[]),
        ];
        for (query, headers) in attempts {
            let query: Vec<_> = [("list-type", "2"), ("max-keys", "1")].into_iter().chain(query.iter().copied()).collect();
            let response = self.list(signer, now, &query, headers).await?;
            // An answer about the own prefix is no harm, whatever was asked for beside it.
            if response.status().is_success() && !beginning(response).await?.contains(&format!("<Prefix>{own}</Prefix>")) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn list(
        &self,
        signer: &Presigner,
        now: OffsetDateTime,
        query: Pairs<'_>,
        headers: Pairs<'_>,
    ) -> Result<Response, TrialError> {
        self.send(signer, now, Method::Get, "", query, headers).await
    }

    async fn is_denied(
        &self,
        signer: &Presigner,
        now: OffsetDateTime,
        method: Method,
        key: &str,
        query: Pairs<'_>,
    ) -> Result<bool, TrialError> {
        let status = self.send(signer, now, method, key, query, &[]).await?.status().as_u16();
        if status >= 500 || status == 429 {
            return Err(TrialError::Failing { status });
        }
        Ok(matches!(status, 401 | 403))
    }

    async fn send(
        &self,
        signer: &Presigner,
        now: OffsetDateTime,
        method: Method,
        key: &str,
        query: Pairs<'_>,
        headers: Pairs<'_>,
    ) -> Result<Response, TrialError> {
        let signed = signer.at(now).sign_headers(method, key, query, headers, PayloadHash::of(b""))?;
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.http.request(method, &signed.url).body(Vec::new());
        for (name, value) in
            headers.iter().copied().chain(signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        {
            request = request.header(name, value);
        }
        request.send().await.map_err(TrialError::Unreachable)
    }
}

fn signer(store: &StoreConfig, issued: &Issued) -> Result<Presigner, TrialError> {
    let token = issued.session_token.expose_secret().to_owned();
    let credentials = Credentials::new(issued.access_key_id.as_str(), issued.secret_access_key.expose_secret(), Some(token));
    let endpoint = Endpoint::new(&store.endpoint_internal, &store.bucket, store.addressing.into())?;
    Ok(Presigner::new(credentials, store.region.as_str(), endpoint))
}

async fn beginning(mut response: Response) -> Result<String, TrialError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(TrialError::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
