//! What every check stands on: the signers, the names of a run, and requests by any credential at either address.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tidegate_protocol::Sha256;
use tidegate_sigv4::{Method, PayloadHash, SignError};
use time::OffsetDateTime;

use crate::answer::{Answer, Reply};
use crate::error::ProbeError;
use crate::http::{Body, Http, Shot};
use crate::target::{Reach, Run, Signers, Target, Who};
use crate::xml::{self, Page};

/// How often something is tried that fails for the moment.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Life of the URLs that are meant to work, in seconds.
pub(crate) const URL_SECONDS: u32 = 300;
const MOST_PAGES: usize = 50;

/// The two addresses of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Internal,
    Public,
}

/// A presigned URL and the headers that belong to it.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Signed {
    /// The request that an honest holder makes.
    pub(crate) fn honest(&self, body: Bytes) -> Shot {
        Shot { method: http_method(self.method), url: self.url.clone(), headers: self.headers.clone(), body: whole(body) }
    }

    /// The same with a header more.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| given != name);
        self
    }
}

/// What every check stands on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) target: Target,
    pub(crate) run: Run,
    pub(crate) http: Http,
    internal: Signers,
    public: Signers,
    /// What the store's clock is ahead, in milliseconds.
    offset_ms: AtomicI64,
}

impl Ground {
    pub(crate) fn new(target: Target, run: Run) -> Result<Self, ProbeError> {
        let internal = Signers::new(&target, &target.endpoint_internal)?;
        let public = Signers::new(&target, &target.endpoint_public)?;
        Ok(Self { target, run, http: Http::new()?, internal, public, offset_ms: AtomicI64::new(0) })
    }

    pub(crate) const fn signers(&self, via: Via) -> &Signers {
        match via {
            Via::Internal => &self.internal,
            Via::Public => &self.public,
        }
    }

    /// A key below `users/` that is this run's alone.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder())
    }

    /// The run's folder below `users/`. Its name is no account's: those are UUIDs.
    pub(crate) fn folder(&self) -> String {
        format!("users/probe-{}/", self.run.name)
    }

    /// A key that nobody's URL may reach: the broker's own, where there is one.
    pub(crate) fn state_key(&self, name: &str) -> String {
        format!("{}{name}", self.state_folder())
    }

    pub(crate) fn state_folder(&self) -> String {
        match self.target.reach {
            Reach::Broker => format!("_tidegate/probe/{}/", self.run.name),
            Reach::Users => format!("users/probe-{}-state/", self.run.name),
        }
    }

    /// Bytes that no other run and no other label has.
    pub(crate) fn bytes(&self, label: &str) -> Bytes {
        Bytes::from(format!("tidegate probe {} {label}\n", self.run.name))
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.run.clock)()
    }

    /// The time by the store's clock, as far as it is known.
    pub(crate) fn store_now(&self) -> OffsetDateTime {
        self.now() + time::Duration::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn set_offset_ms(&self, offset: i64) {
        self.offset_ms.store(offset, Ordering::Relaxed);
    }

    /// A request with its signature in the headers, as the prober itself makes them.
    pub(crate) fn signed_request(
        &self,
        (who, via): (Who, Via),
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, String)],
        payload: PayloadHash,
    ) -> Result<Shot, SignError> {
        let given: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signer = self.signers(via).of(who);
        let signed = signer.at(self.now()).sign_headers(method, key, query, &given, payload)?;
        let own = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let headers = own.chain(signed.headers).collect();
        Ok(Shot { method: http_method(method), url: signed.url, headers, body: Body::None })
    }

    /// Sends a request of the prober's own, again and again where it fails for the moment.
    pub(crate) async fn call(
        &self,
        by: (Who, Via),
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Reply, ProbeError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            let mut shot = self.signed_request(by, method, key, query, headers, PayloadHash::of(&body))?;
            shot.body = whole_unless_empty(method, body.clone());
            let reply = self.http.fire(shot).await;
            tries += 1;
            let is_passing = reply.as_ref().map_or(true, Answer::is_passing);
            if !is_passing || tries == TRIES {
                return Ok(reply);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Sends a holder's request, again where it fails for the moment.
    pub(crate) async fn fire(&self, mut make: impl FnMut() -> Shot) -> Reply {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            let reply = self.http.fire(make()).await;
            if reply.as_ref().is_ok_and(|answer| !answer.is_passing()) {
                return reply;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.http.fire(make()).await
    }

    /// Writes by the state credential, with nothing pinned but the signature.
    pub(crate) async fn plant(&self, key: &str, body: &Bytes) -> Result<Answer, ProbeError> {
        let reply = self.put(key, body, &[]).await?;
        expect_yes("PUT", "state", reply)
    }

    /// PUT by the state credential, answered however.
    pub(crate) async fn put(&self, key: &str, body: &Bytes, headers: &[(&str, String)]) -> Result<Reply, ProbeError> {
        self.call((Who::State, Via::Internal), Method::Put, key, &[], headers, body.clone()).await
    }

    /// What is stored under a key, read by the state credential: `None` if nothing is.
    pub(crate) async fn stored(&self, key: &str) -> Result<Option<Bytes>, ProbeError> {
        Ok(self.stored_answer(key).await?.map(|answer| answer.body))
    }

    pub(crate) async fn stored_answer(&self, key: &str) -> Result<Option<Answer>, ProbeError> {
        let reply = self.call((Who::State, Via::Internal), Method::Get, key, &[], &[], Bytes::new()).await?;
        match reply {
            Ok(answer) if answer.status == 404 && answer.code() != "NoSuchBucket" => Ok(None),
            reply => expect_yes("GET", "state", reply).map(Some),
        }
    }

    /// Every key below a prefix, by the state credential.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<xml::Entry>, ProbeError> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.list_page(prefix, 1_000, token.as_deref()).await?;
            entries.extend(page.entries);
            if page.next.is_none() || page.next == token {
                return Ok(entries);
            }
            token = page.next;
        }
        Err(ProbeError::Unsound { step: "LIST", fault: "the listing does not end".to_owned() })
    }

    pub(crate) async fn list_page(&self, prefix: &str, most: u32, token: Option<&str>) -> Result<Page, ProbeError> {
        let most = most.to_string();
        let mut query = vec![("list-type", "2"), ("prefix", prefix), ("max-keys", most.as_str()), ("encoding-type", "url")];
        query.extend(token.map(|token| ("continuation-token", token)));
        let reply = self.call((Who::State, Via::Internal), Method::Get, "", &query, &[], Bytes::new()).await?;
        let answer = expect_yes("LIST", "state", reply)?;
        xml::page(&answer.body).ok_or_else(|| ProbeError::Unsound { step: "LIST", fault: "no listing came back".to_owned() })
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), ProbeError> {
        let reply = self.call((Who::State, Via::Internal), Method::Delete, key, &[], &[], Bytes::new()).await?;
        match reply {
            Ok(answer) if answer.status == 404 && answer.code() != "NoSuchBucket" => Ok(()),
            reply => expect_yes("DELETE", "state", reply).map(drop),
        }
    }

    /// A URL for a PUT as the broker signs them: length, type and SHA-256 pinned, and the condition where there is one.
    pub(crate) fn put_url(
        &self,
        via: Via,
        key: &str,
        query: &[(&str, &str)],
        body: &[u8],
        create: bool,
    ) -> Result<Signed, SignError> {
        let mut headers =
            vec![("content-length", body.len().to_string()), ("content-type", "application/octet-stream".to_owned())];
        if create {
            headers.push(("if-none-match", "*".to_owned()));
        }
        headers.push(("x-amz-checksum-sha256", checksum(body)));
        self.presigned((Who::Write, via), Method::Put, key, query, &headers)
    }

    pub(crate) fn get_url(&self, via: Via, key: &str) -> Result<Signed, SignError> {
        self.presigned((Who::Read, via), Method::Get, key, &[], &[])
    }

    pub(crate) fn presigned(
        &self,
        by: (Who, Via),
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, String)],
    ) -> Result<Signed, SignError> {
        self.presigned_at(self.now(), URL_SECONDS, by, method, key, query, headers)
    }

    #[expect(clippy::too_many_arguments, reason = "each is one part of what a presigned URL says")]
    pub(crate) fn presigned_at(
        &self,
        at: OffsetDateTime,
        seconds: u32,
        (who, via): (Who, Via),
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: &[(&str, String)],
    ) -> Result<Signed, SignError> {
        let given: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = self.signers(via).of(who).at(at).presign(method, key, query, &given, seconds)?;
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Ok(Signed { method, url, headers })
    }
}

pub(crate) fn checksum(body: &[u8]) -> String {
    STANDARD.encode(Sha256::of(body).as_bytes())
}

pub(crate) fn expect_yes(step: &'static str, credential: &'static str, reply: Reply) -> Result<Answer, ProbeError> {
    match reply {
        Ok(answer) if answer.is_success() => Ok(answer),
        Ok(answer) => Err(ProbeError::Refused { step, credential, status: answer.status, code: answer.code() }),
        Err(lost) => Err(ProbeError::Unreachable { host: lost.host, step, reason: lost.reason }),
    }
}

pub(crate) fn whole(body: Bytes) -> Body {
    if body.is_empty() { Body::None } else { Body::Whole(body) }
}

/// A PUT without bytes still says its length.
fn whole_unless_empty(method: Method, body: Bytes) -> Body {
    if matches!(method, Method::Put | Method::Post) { Body::Whole(body) } else { whole(body) }
}

pub(crate) const fn http_method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Put => reqwest::Method::PUT,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    }
}
