//! One HTTP request and its answer: sent once, bounded in time and size, counted, its `Date` taken note of.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{
    ACCEPT_ENCODING, AGE, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use time::OffsetDateTime;
use url::Url;

use super::Peer;
use super::patience::Patience;
use super::payload::Payload;
use super::traffic::{RequestKind, TrafficCounter};
use crate::clock::StoreClock;
use crate::error::Error;
use crate::options::Options;

/// The slowest upload or download that is waited for, in bytes a second, where an answer is read to its end.
const SLOWEST: u64 = 16 * 1024;

/// The longest rest that an answer is taken to ask for: a device must not stay silent for years because of one wrong header.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// A request as it goes out.
pub(crate) struct Outgoing {
    pub(crate) peer: Peer,
    pub(crate) kind: RequestKind,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Payload,
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
    /// When it came, by the corrected clock.
    pub(crate) received_at: OffsetDateTime,
}

/// Sends requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    clock: StoreClock,
    traffic: Arc<TrafficCounter>,
    /// How long the other side may stay silent.
    silence: Duration,
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
            // A store that redirects is another region's; anything else that redirects is no store. Never followed: the
            // request carries a signature.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Error::bug(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self { client, clock, traffic: Arc::default(), silence: options.read_timeout })
    }

    pub(crate) const fn clock(&self) -> &StoreClock {
        &self.clock
    }

    pub(crate) fn traffic(&self) -> &TrafficCounter {
        &self.traffic
    }

    /// Sends one request and reads its answer, whatever its status.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Answer, Error> {
        let patience = Patience::new(self.silence);
        let (peer, limit) = (outgoing.peer, outgoing.limit.clone());
        let longest = Duration::from_secs(60 + (outgoing.body.len() + limit.0) / SLOWEST);
        let (host, request) = self.request(outgoing, &patience)?;
        let request = request.timeout(longest);
        let exchange = async {
            let mut response = request.send().await.map_err(|error| failure(peer, &host, &error))?;
            patience.renew();
            let mut answer = self.head_of(peer, &host, &mut response);
            if answer.is_plainly_of_somebody_else() {
                // Whatever its body says, it is not for us; nor is its clock.
                return Ok(answer);
            }
            answer.body = self.body_of(peer, &host, response, &limit, &patience).await?;
            self.observe(&answer);
            Ok(answer)
        };
        patience.keep(exchange).await.unwrap_or_else(|| Err(Error::TimedOut { peer, host: host.clone() }))
    }

    /// Sends one request and hands out its answer's body as it comes, if the status says that it holds what was asked for.
    pub(crate) async fn open(&self, outgoing: Outgoing) -> Result<Opened, Error> {
        let patience = Patience::new(self.silence);
        let (peer, limit) = (outgoing.peer, outgoing.limit.clone());
        let (host, request) = self.request(outgoing, &patience)?;
        let exchange = async {
            let mut response = request.send().await.map_err(|error| failure(peer, &host, &error))?;
            patience.renew();
            let mut answer = self.head_of(peer, &host, &mut response);
            if answer.is_plainly_of_somebody_else() {
                return Ok(Opened { answer, body: None });
            }
            if matches!(answer.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
                self.observe(&answer);
                let (host, patience, traffic) = (host.clone(), patience.clone(), Arc::clone(&self.traffic));
                return Ok(Opened { answer, body: Some(Incoming { peer, host, response, patience, traffic }) });
            }
            answer.body = self.body_of(peer, &host, response, &limit, &patience).await?;
            self.observe(&answer);
            Ok(Opened { answer, body: None })
        };
        patience.keep(exchange).await.unwrap_or_else(|| Err(Error::TimedOut { peer, host: host.clone() }))
    }

    fn request(&self, outgoing: Outgoing, patience: &Patience) -> Result<(String, reqwest::RequestBuilder), Error> {
        let Outgoing { peer: _, kind, method, url, headers, body, limit: _ } = outgoing;
        let url = Url::parse(&url).map_err(|error| Error::MalformedAnswer {
            peer: Peer::Broker,
            host: String::new(),
            reason: format!("not a URL: {error}"),
        })?;
        let host = host_and_port(&url);
        let mut request = self.client.request(method, url).headers(header_map(&headers)?);
        let length = body.len();
        self.traffic.request(kind);
        if let Some(body) = body.into_body(&self.traffic, patience) {
            // Said beforehand: a body of unknown length would be sent in pieces with their own frames, which stores refuse.
            request = request.header(CONTENT_LENGTH, length).body(body);
        }
        Ok((host, request))
    }

    fn head_of(&self, peer: Peer, host: &str, response: &mut Response) -> Answer {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        Answer { peer, host: host.to_owned(), status, headers, body: Bytes::new(), received_at: self.clock.now() }
    }

    async fn body_of(
        &self,
        peer: Peer,
        host: &str,
        mut response: Response,
        limit: &(u64, String),
        patience: &Patience,
    ) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(peer, host, &error))? {
            patience.renew();
            self.traffic.received(chunk.len() as u64);
            if (body.len() + chunk.len()) as u64 > limit.0 {
                return Err(Error::AnswerTooLarge { key: limit.1.clone(), limit: limit.0 });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn observe(&self, answer: &Answer) {
        if let Some(date) = answer.date().filter(|_| !answer.is_of_somebody_else()) {
            self.clock.observe(date, answer.peer);
        }
    }
}

/// An answer whose body is still to come, where it is one that holds what was asked for.
pub(crate) struct Opened {
    pub(crate) answer: Answer,
    pub(crate) body: Option<Incoming>,
}

/// A body as it comes.
#[derive(Debug)]
pub(crate) struct Incoming {
    peer: Peer,
    host: String,
    response: Response,
    patience: Patience,
    traffic: Arc<TrafficCounter>,
}

impl Incoming {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        // Only the other side's silence counts, not the time that was spent on what had come.
        self.patience.renew();
        let Some(read) = self.patience.keep(self.response.chunk()).await else {
            return Err(Error::TimedOut { peer: self.peer, host: self.host.clone() });
        };
        let chunk = read.map_err(|error| failure(self.peer, &self.host, &error))?;
        if let Some(chunk) = &chunk {
            self.traffic.received(chunk.len() as u64);
        }
        Ok(chunk)
    }
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that is a time, in any of the forms of RFC 9110, section 5.6.7.
    pub(crate) fn time(&self, name: &HeaderName) -> Option<OffsetDateTime> {
        self.header(name).and_then(|text| httpdate::parse_http_date(text).ok()).map(OffsetDateTime::from)
    }

    /// When the other side sent it; `None` where a cache on the way did (RFC 9111, section 5.1) and the date is an old one.
    fn date(&self) -> Option<OffsetDateTime> {
        if self.headers.contains_key(AGE) { None } else { self.time(&DATE) }
    }

    /// The media type without parameters; empty where there is none.
    pub(crate) fn media_type(&self) -> &str {
        self.header(&CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim()
    }

    /// `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date; at most a day. A date is read against the answer's
    /// own, so that a wrong clock here makes no difference.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Some(seconds) = self.header(&RETRY_AFTER).and_then(|text| text.trim().parse::<u64>().ok()) {
            return Some(Duration::from_secs(seconds).min(LONGEST_REST));
        }
        let until = self.time(&RETRY_AFTER)?;
        let now = self.date().unwrap_or(self.received_at);
        Some(Duration::try_from(until - now).unwrap_or_default().min(LONGEST_REST))
    }

    pub(crate) fn unavailable(&self) -> Error {
        let (peer, host) = (self.peer, self.host.clone());
        Error::Unavailable { peer, host, status: self.status.as_u16(), retry_after: self.retry_after() }
    }

    pub(crate) fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::MalformedAnswer { peer: self.peer, host: self.host.clone(), reason: reason.into() }
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
