//! AWS S3: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.

use super::rule::{Head, Known, Refusal};

/// Of conditional writes of one key at the same time, those that come later are told to try again.
pub(super) fn refuses(request: &Head<'_>, known: &Known) -> Option<Refusal> {
    let meets_another = request.is_put() && request.is_conditional() && known.under_way.contains(request.path);
    meets_another.then_some(Refusal { status: 409, code: "ConditionalRequestConflict" })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::http::{HeaderMap, HeaderValue, Method};

    use super::*;

    #[test]
    fn only_a_conditional_put_that_meets_another_is_refused() {
        let mut conditional = HeaderMap::new();
        conditional.insert("if-none-match", HeaderValue::from_static("*"));
        let plain = HeaderMap::new();
        let mut known = Known::default();
        known.under_way.insert("/b/k".to_owned());
        let refused = |method: &Method, path, headers| {
            refuses(&Head { method, path, query: "", headers, now: Instant::now() }, &known).is_some()
        };
        assert!(refused(&Method::PUT, "/b/k", &conditional));
        assert!(!refused(&Method::PUT, "/b/k", &plain), "an unconditional write is never refused");
        assert!(!refused(&Method::PUT, "/b/other", &conditional));
        assert!(!refused(&Method::GET, "/b/k", &conditional));
    }
}
