//! One request and its answer: bounded in time and size, never redirected, and never shown.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode, Url};
use zeroize::Zeroizing;

use super::error::SourceError;
use super::report::{Answered, Report};

/// What the service takes for a browser; it refuses what it takes for a program.
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// The wait after a 429 that does not say how long.
const USUAL_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait that is believed.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// How long a [`Client`](super::Client) is patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest time until all of an answer is there.
    pub answer_time: Duration,
    /// How often a request that only reads is made while the service fails (500, 502, 503, 504).
    pub tries: u32,
    /// The pause after the first failure; each further one is four times as long.
    pub first_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer_time: Duration::from_secs(120), tries: 3, first_pause: Duration::from_secs(2) }
    }
}

/// Makes requests.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    limits: Limits,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<Vec<u8>>,
    media_type: String,
    location: Option<String>,
    retry_after: Option<String>,
}

impl Http {
    /// With a jar of its own for cookies, if it is to have one: what one login was given is never shown by another.
    pub(super) fn new(limits: Limits, cookies: bool) -> Result<Self, SourceError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/html;q=0.9, */*;q=0.5"));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en-US,en;q=0.5"));
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .cookie_store(cookies)
            .connect_timeout(limits.answer_time.min(Duration::from_secs(15)))
            .timeout(limits.answer_time)
            .build()?;
        Ok(Self { client, limits })
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// The answer to a request, if it has at most so many bytes.
    pub(super) async fn send(&self, request: RequestBuilder, limit: usize) -> Result<Reply, SourceError> {
        let mut response = request.send().await?;
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let mut reply = Reply {
            status: response.status(),
            media_type: header(CONTENT_TYPE).unwrap_or_default(),
            location: header(LOCATION),
            retry_after: header(RETRY_AFTER),
            body: Zeroizing::default(),
        };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(SourceError::TooLarge { limit });
        }
        while let Some(chunk) = response.chunk().await? {
            if reply.body.len() + chunk.len() > limit {
                return Err(SourceError::TooLarge { limit });
            }
            reply.body.extend_from_slice(&chunk);
        }
        Ok(reply)
    }

    /// The answer to a request that only reads: made again, a few times, while the service fails.
    pub(super) async fn read(&self, request: impl Fn() -> RequestBuilder + Send, limit: usize) -> Result<Reply, SourceError> {
        let mut pause = self.limits.first_pause;
        for _ in 1..self.limits.tries {
            let reply = self.send(request(), limit).await?;
            if !reply.fails() {
                return Ok(reply);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(4);
        }
        self.send(request(), limit).await
    }
}

impl Reply {
    /// What every request may be answered with, and what it means.
    ///
    /// # Errors
    /// If the answer is 401, 403, 429 or 5xx.
    pub(super) fn check(self, step: &'static str, now: Timestamp, secrets: &[&str]) -> Result<Self, SourceError> {
        match self.status {
            StatusCode::UNAUTHORIZED => Err(SourceError::TokenRefused),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(SourceError::RateLimited { until: wait_until(self.retry_after.as_deref(), now) })
            }
            StatusCode::FORBIDDEN => Err(SourceError::Firewall(self.report(step, "the request is refused", secrets))),
            status if status.is_server_error() => Err(SourceError::Failing { status: status.as_u16() }),
            _ => Ok(self),
        }
    }

    /// The answer of a request that succeeded, as JSON.
    ///
    /// # Errors
    /// If it did not, or if it is not JSON.
    pub(super) fn json<'a, T: serde::Deserialize<'a>>(&'a self, step: &'static str, secrets: &[&str]) -> Result<T, SourceError> {
        if self.status != StatusCode::OK {
            return Err(self.changed(step, "the status is another one", secrets));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let problem = if error.is_data() { "a member is missing or of another type" } else { "it is not JSON" };
            self.changed(step, problem, secrets)
        })
    }

    /// Where a redirect leads; `None` if it is none.
    pub(super) fn redirect(&self, from: &Url) -> Option<Url> {
        let location = self.location.as_deref().filter(|_| self.status.is_redirection())?;
        from.join(location).ok()
    }

    /// The body as text, in lower case, to look for the service's own words.
    pub(super) fn words(&self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(&self.body).to_ascii_lowercase())
    }

    pub(super) fn changed(&self, step: &'static str, problem: &'static str, secrets: &[&str]) -> SourceError {
        SourceError::Changed(self.report(step, problem, secrets))
    }

    pub(super) fn report(&self, step: &'static str, problem: &'static str, secrets: &[&str]) -> Box<Report> {
        let answered = Answered { status: self.status.as_u16(), media_type: &self.media_type, body: &self.body };
        Box::new(Report::new(step, problem, &answered, secrets))
    }

    fn fails(&self) -> bool {
        matches!(self.status.as_u16(), 500 | 502 | 503 | 504)
    }
}

/// When a request may be made again, by a `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn wait_until(retry_after: Option<&str>, now: Timestamp) -> Timestamp {
    let seconds = retry_after.and_then(|text| text.trim().parse::<i64>().ok()).map(SignedDuration::from_secs);
    let date = || Some(jiff::fmt::rfc2822::parse(retry_after?).ok()?.timestamp().duration_since(now));
    let wait = seconds.or_else(date).unwrap_or(USUAL_WAIT).clamp(SignedDuration::from_secs(1), LONGEST_WAIT);
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let until = |text: Option<&str>| wait_until(text, now).to_string();
        assert_eq!(until(Some("90")), "2026-11-01T12:01:30Z");
        assert_eq!(until(Some("Sun, 01 Nov 2026 12:05:00 GMT")), "2026-11-01T12:05:00Z");
        assert_eq!(until(Some("Sun, 01 Nov 2020 12:05:00 GMT")), "2026-11-01T12:00:01Z");
        assert_eq!(until(Some("-5")), "2026-11-01T12:00:01Z");
        assert_eq!(until(Some("99999999999")), "2026-11-02T12:00:00Z");
        assert_eq!(until(Some("soon")), "2026-11-01T12:01:00Z");
        assert_eq!(until(None), "2026-11-01T12:01:00Z");
    }
}
