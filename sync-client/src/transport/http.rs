//! One HTTP request and its answer: sent once, bounded in time and size, counted, its `Date` taken note of.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::Peer;
use super::traffic::{RequestKind, TrafficCounter};
use crate::clock::StoreClock;
use crate::error::Error;
use crate::options::Options;

/// The slowest upload or download that is waited for, in bytes a second.
const SLOWEST: u64 = 16 * 1024;

/// A request as it goes out.
pub(crate) struct Outgoing {
    pub(crate) peer: Peer,
    pub(crate) kind: RequestKind,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Bytes>,
    /// Most bytes that are read of the answer, and what to call it when it has more.
    pub(crate) limit: (u64, String),
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) peer: Peer,
    pub(crate) host: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    clock: StoreClock,
    traffic: Arc<TrafficCounter>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(options: &Options, clock: StoreClock) -> Result<Self, Error> {
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            // A store that redirects is another region's; anything else that redirects is no store. Never followed: the
            // request carries a signature.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Error::bug(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self { client, clock, traffic: Arc::default() })
    }

    pub(crate) const fn clock(&self) -> &StoreClock {
        &self.clock
    }

    pub(crate) fn traffic(&self) -> &TrafficCounter {
        &self.traffic
    }

    /// Sends one request and reads its answer, whatever its status.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Answer, Error> {
        let Outgoing { peer, kind, method, url, headers, body, limit } = outgoing;
        let url = Url::parse(&url).map_err(|error| Error::MalformedAnswer {
            peer: Peer::Broker,
            host: String::new(),
            reason: format!("not a URL: {error}"),
        })?;
        let host = host_and_port(&url);
        let bytes_up = body.as_ref().map_or(0, |body| body.len() as u64);
        let patience = Duration::from_secs(60 + (bytes_up + limit.0) / SLOWEST);

        let mut request = self.client.request(method, url).headers(header_map(&headers)?).timeout(patience);
        if let Some(body) = body {
            request = request.body(body);
        }
        self.traffic.request(kind, bytes_up);
        let response = request.send().await.map_err(|error| failure(peer, &host, &error))?;
        self.read(peer, host, response, limit).await
    }

    async fn read(&self, peer: Peer, host: String, mut response: Response, limit: (u64, String)) -> Result<Answer, Error> {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(peer, &host, &error))? {
            self.traffic.received(chunk.len() as u64);
            if (body.len() + chunk.len()) as u64 > limit.0 {
                return Err(Error::AnswerTooLarge { key: limit.1, limit: limit.0 });
            }
            body.extend_from_slice(&chunk);
        }
        let answer = Answer { peer, host, status, headers, body: body.freeze() };
        if let Some(date) = answer.time(&DATE) {
            self.clock.observe(date);
        }
        Ok(answer)
    }
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that is a time (RFC 9110, section 5.6.7).
    pub(crate) fn time(&self, name: &HeaderName) -> Option<OffsetDateTime> {
        self.header(name).and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok())
    }

    /// The media type without parameters; empty where there is none.
    pub(crate) fn media_type(&self) -> &str {
        self.header(&CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim()
    }

    /// `Retry-After` in seconds; its date form is read against the answer's own date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Some(seconds) = self.header(&RETRY_AFTER).and_then(|text| text.trim().parse::<u64>().ok()) {
            return Some(Duration::from_secs(seconds));
        }
        let (at, now) = (self.time(&RETRY_AFTER)?, self.time(&DATE)?);
        Some(Duration::try_from(at - now).unwrap_or_default())
    }

    /// Whether neither a store nor a broker sends such an answer: a web page, a redirect, a request to sign in to the network.
    pub(crate) fn is_of_somebody_else(&self) -> bool {
        let is_page = matches!(self.media_type(), "text/html" | "application/xhtml+xml") && !self.status.is_server_error();
        let is_redirect = self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED && !self.looks_like_s3();
        is_page || is_redirect || self.status.as_u16() == 511
    }

    pub(crate) fn not_ours(&self) -> Error {
        let content_type = match self.media_type() {
            "" => "no media type",
            media_type => media_type,
        };
        Error::NotOurs {
            peer: self.peer,
            host: self.host.clone(),
            status: self.status.as_u16(),
            content_type: content_type.chars().take(64).collect(),
        }
    }

    pub(crate) fn unavailable(&self) -> Error {
        let (peer, host) = (self.peer, self.host.clone());
        Error::Unavailable { peer, host, status: self.status.as_u16(), retry_after: self.retry_after() }
    }

    pub(crate) fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::MalformedAnswer { peer: self.peer, host: self.host.clone(), reason: reason.into() }
    }

    fn looks_like_s3(&self) -> bool {
        self.body.starts_with(b"<?xml") || self.headers.contains_key("x-amz-bucket-region")
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        // The length follows from the body, and a length given twice would be refused.
        if name == "content-length" {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::bug(format!("header name {name:?}")))?;
        let value = HeaderValue::from_str(value).map_err(|_| Error::bug(format!("value of the header {name}")))?;
        map.insert(name, value);
    }
    // Nothing on the way may recode what is sealed, signed and hashed.
    map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(map)
}

/// What a connection that failed came to. URLs may be secrets, so only host and cause are kept.
fn failure(peer: Peer, host: &str, error: &reqwest::Error) -> Error {
    let host = host.to_owned();
    if error.is_timeout() && !error.is_connect() {
        return Error::TimedOut { peer, host };
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let reason = if error.source().is_some() { cause.to_string() } else { "the connection failed".to_owned() };
    Error::Unreachable { peer, host, reason }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
