//! What a browser is told: the answer to its preflight, and the headers of every other answer.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::{CorsRule, CorsRules};

/// The headers that answer a preflight: it is not signed, and tells nothing but the bucket's rules.
pub(crate) fn preflight(rules: &CorsRules, path: &str, asked: &HeaderMap) -> S3Result<HeaderMap> {
    let (Some(origin), Some(method)) = (text(asked, &ORIGIN), text(asked, &ACCESS_CONTROL_REQUEST_METHOD)) else {
        return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, "a preflight names its origin and its method"));
    };
    let headers: Vec<String> = text(asked, &ACCESS_CONTROL_REQUEST_HEADERS)
        .unwrap_or_default()
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let rules = rules.of_bucket(bucket_of(path)).unwrap_or_default();
    let Some(rule) = rules.iter().find(|rule| rule.allows(origin, method) && rule.allows_headers(&headers)) else {
        let mut refused =
            S3Error::with_message(S3ErrorCode::Custom("AccessForbidden".into()), "no rule of the bucket allows this");
        refused.set_status_code(http::StatusCode::FORBIDDEN);
        return Err(refused);
    };
    let mut answer = HeaderMap::new();
    tell(&mut answer, rule, origin);
    set(&mut answer, ACCESS_CONTROL_ALLOW_HEADERS, &headers.join(", "));
    if let Some(age) = rule.max_age_seconds {
        set(&mut answer, ACCESS_CONTROL_MAX_AGE, &age.to_string());
    }
    Ok(answer)
}

/// Adds what lets the script of an allowed origin see this answer.
pub(crate) fn add_headers(rules: &CorsRules, path: &str, method: &str, origin: &str, answer: &mut HeaderMap) {
    let rules = rules.of_bucket(bucket_of(path)).unwrap_or_default();
    if let Some(rule) = rules.iter().find(|rule| rule.allows(origin, method)) {
        tell(answer, rule, origin);
    }
}

fn tell(answer: &mut HeaderMap, rule: &CorsRule, origin: &str) {
    if rule.is_public() {
        set(answer, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        set(answer, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(answer, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    set(answer, ACCESS_CONTROL_ALLOW_METHODS, &rule.allowed_methods.join(", "));
    set(answer, ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose_headers.join(", "));
    // Without it a cache would hand one origin the answer that was made for another.
    set(answer, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

fn set(answer: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        answer.insert(name, value);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Names of buckets need no escapes.
fn bucket_of(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}
