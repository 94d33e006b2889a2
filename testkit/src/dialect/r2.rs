//! Cloudflare R2: <https://developers.cloudflare.com/r2/platform/limits/>, <https://developers.cloudflare.com/r2/api/s3/presigned-urls/>.

use std::time::Duration;

use axum::http::Method;

use super::rule::{Head, Known, Refusal};

/// Between two writes of one key.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
/// Longest life of a presigned URL in seconds.
const MAX_EXPIRES_SECONDS: u64 = 7 * 24 * 60 * 60;

/// The first peculiarity that the request meets.
pub(super) fn refuses(request: &Head<'_>, known: &Known) -> Option<Refusal> {
    if request
        .value("X-Amz-Expires")
        .is_some_and(|seconds| seconds.parse().is_ok_and(|seconds: u64| seconds > MAX_EXPIRES_SECONDS))
    {
        return Some(Refusal { status: 400, code: "AuthorizationQueryParametersError" });
    }
    if *request.method == Method::DELETE && request.is_conditional() {
        return Some(Refusal { status: 501, code: "NotImplemented" });
    }
    let is_too_soon = known.written.get(request.path).is_some_and(|written| request.now.duration_since(*written) < WRITE_PAUSE);
    (request.is_put() && (is_too_soon || known.under_way.contains(request.path)))
        .then_some(Refusal { status: 429, code: "TooManyRequests" })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    fn status(method: &Method, query: &str, headers: &HeaderMap, since_written: Option<Duration>) -> Option<u16> {
        let written = Instant::now();
        let mut known = Known::default();
        let now = written + since_written.unwrap_or_default();
        if since_written.is_some() {
            known.written.insert("/b/k".to_owned(), written);
        }
        refuses(&Head { method, path: "/b/k", query, headers, now }, &known).map(|refusal| refusal.status)
    }

    #[test]
    fn a_key_is_written_once_a_second() {
        let none = HeaderMap::new();
        assert_eq!(status(&Method::PUT, "", &none, None), None);
        assert_eq!(status(&Method::PUT, "", &none, Some(Duration::from_millis(999))), Some(429));
        assert_eq!(status(&Method::PUT, "", &none, Some(Duration::from_secs(1))), None);
        assert_eq!(status(&Method::GET, "", &none, Some(Duration::ZERO)), None);
        assert_eq!(
            status(&Method::PUT, "partNumber=2&uploadId=u", &none, Some(Duration::ZERO)),
            None,
            "parts are no writes of the key"
        );
    }

    #[test]
    fn a_url_lives_seven_days_at_most() {
        let none = HeaderMap::new();
        assert_eq!(status(&Method::GET, "X-Amz-Expires=604800", &none, None), None);
        assert_eq!(status(&Method::GET, "X-Amz-Expires=604801", &none, None), Some(400));
    }

    #[test]
    fn a_deletion_has_no_condition() {
        let mut conditional = HeaderMap::new();
        conditional.insert("if-match", HeaderValue::from_static("\"1\""));
        assert_eq!(status(&Method::DELETE, "", &conditional, None), Some(501));
        assert_eq!(status(&Method::DELETE, "", &HeaderMap::new(), None), None);
    }
}
