//! Whether a rule allows a request: a pure decision. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html>

use serde::{Deserialize, Serialize};

/// Methods that a rule can allow.
pub(crate) const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// Which origins may do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// Each with at most one `*`.
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) allowed_methods: Vec<String>,
    /// Each with at most one `*`, in any case.
    #[serde(default)]
    pub(crate) allowed_headers: Vec<String>,
    #[serde(default)]
    pub(crate) expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age_seconds: Option<i32>,
}

impl CorsRule {
    /// Whether it allows this method to this origin.
    pub(super) fn allows(&self, origin: &str, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method)
            && self.allowed_origins.iter().any(|pattern| fits(pattern, origin))
    }

    /// Whether it allows all of these headers, which are in lower case.
    pub(super) fn allows_headers(&self, headers: &[String]) -> bool {
        let allows = |header: &String| self.allowed_headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), header));
        headers.iter().all(allows)
    }

    /// Whether it is for everybody.
    pub(super) fn is_public(&self) -> bool {
        self.allowed_origins.iter().any(|pattern| pattern == "*")
    }
}

/// A `*` stands for any text, an empty one too.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_overlaps_nothing() {
        for (pattern, text, outcome) in [
            ("*", "https://app.example", true),
            ("https://*.example", "https://app.example", true),
            ("https://*.example", "https://.example", true),
            ("https://*.example", "https://app.example.evil", false),
            ("https://app.example", "https://app.example", true),
            ("https://app.example", "https://App.example", false),
            ("aba*aba", "aba", false),
            ("aba*aba", "abaaba", true),
            ("x-amz-*", "x-amz-meta-a", true),
            ("x-amz-*", "x-am", false),
        ] {
            assert_eq!(fits(pattern, text), outcome, "{pattern} {text}");
        }
    }

    #[test]
    fn every_header_must_be_allowed_by_name_or_pattern_in_any_case() {
        let rule = CorsRule {
            id: None,
            allowed_origins: vec!["*".to_owned()],
            allowed_methods: vec!["PUT".to_owned()],
            allowed_headers: vec!["Content-Type".to_owned(), "X-Amz-*".to_owned()],
            expose_headers: vec![],
            max_age_seconds: None,
        };
        let headers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(rule.allows_headers(&headers(&["content-type", "x-amz-checksum-sha256"])));
        assert!(!rule.allows_headers(&headers(&["content-type", "if-none-match"])));
        assert!(rule.allows_headers(&[]));
        assert!(rule.allows("https://app.example", "PUT") && !rule.allows("https://app.example", "GET"));
    }
}
