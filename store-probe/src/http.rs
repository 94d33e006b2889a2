//! Sends requests and reads their answers, bounded in time and size: a store under test is not trusted to end.

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};

use crate::answer::{Answer, Lost, Reply};
use crate::error::ProbeError;

const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for one answer. Contended conditional writes take a slow store several seconds.
const ANSWER: Duration = Duration::from_secs(30);
/// Most bytes that are read of an answer: everything that a probe stores is smaller.
const MOST_BYTES: usize = 1 << 20;

/// A request as it goes out.
#[derive(Debug)]
pub(crate) struct Shot {
    pub(crate) method: reqwest::Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// What a request carries.
#[derive(Debug)]
pub(crate) enum Body {
    None,
    Whole(Bytes),
    /// Sent as it comes, its length said beforehand.
    Slow(u64, reqwest::Body),
    /// Sent in frames, without a length.
    Frames(reqwest::Body),
}

#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
}

impl Http {
    pub(crate) fn new() -> Result<Self, ProbeError> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            // A redirect is an answer; following one would carry the signature elsewhere.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("tidegate-probe/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            // One request, one connection at a time: HTTP/2 would let a server order the racing writers.
            .http1_only()
            .build()
            .map_err(ProbeError::Client)?;
        Ok(Self { client })
    }

    /// Sends it once.
    pub(crate) async fn fire(&self, shot: Shot) -> Reply {
        let host = host_of(&shot.url);
        let lost = |reason: String| Lost { host: host.clone(), reason };
        let headers = header_map(&shot.headers).ok_or_else(|| lost("a header cannot be sent".to_owned()))?;
        let mut request = self.client.request(shot.method, &shot.url).headers(headers).timeout(ANSWER);
        request = match shot.body {
            Body::None => request,
            Body::Whole(bytes) => request.body(bytes),
            Body::Frames(body) => request.body(body),
            Body::Slow(length, body) => request.header(reqwest::header::CONTENT_LENGTH, length).body(body),
        };
        let mut response = request.send().await.map_err(|error| lost(cause(&error)))?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(cause(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                return Err(lost("the answer does not end".to_owned()));
            }
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        // The length follows from the body.
        if name != "content-length" {
            map.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?);
        }
    }
    map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    map.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(map)
}

/// What a connection failed by. URLs are secrets, so only the innermost cause is kept.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.source().is_some() { cause.to_string() } else { "the connection failed".to_owned() }
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default().to_owned()
}
