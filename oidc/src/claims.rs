//! Where an issuer writes what: the names of claims, and reading them.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// Most groups that are read of a token.
const MAX_GROUPS: usize = 1_000;
/// Longest name of a claim, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The name of a claim; one that begins with `/` is a path into the token (RFC 6901), such as `/realm_access/roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimName(String);

/// A text that is no claim's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a claim: 1 to {MAX_NAME_BYTES} characters without control characters")]
pub struct InvalidClaimName;

impl FromStr for ClaimName {
    type Err = InvalidClaimName;

    fn from_str(text: &str) -> Result<Self, InvalidClaimName> {
        let fits = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidClaimName) }
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClaimName {
    fn find<'a>(&self, payload: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') { payload.pointer(&self.0) } else { payload.get(&self.0) }
    }

    /// The claim's text.
    pub(crate) fn text<'a>(&self, payload: &'a Value) -> Option<&'a str> {
        self.find(payload)?.as_str()
    }

    /// Whether the claim is true. Some issuers write it as text.
    pub(crate) fn is_true(&self, payload: &Value) -> bool {
        match self.find(payload) {
            Some(Value::Bool(is_true)) => *is_true,
            Some(Value::String(text)) => text == "true",
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
        }
    }

    /// The texts of a list; a text alone is a list of one.
    pub(crate) fn texts(&self, payload: &Value) -> Vec<String> {
        match self.find(payload) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(entries)) => entries.iter().take(MAX_GROUPS).filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        }
    }
}

/// Where an issuer writes who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The person's lasting name with the issuer; `sub` as a rule. It must never pass to somebody else.
    pub subject: ClaimName,
    /// The e-mail address.
    pub email: ClaimName,
    /// Whether the issuer has verified it.
    pub email_verified: ClaimName,
    /// The person's groups.
    pub groups: ClaimName,
}

impl Default for ClaimNames {
    /// The names of OpenID Connect Core 1.0, section 5.1, and the usual one for groups.
    fn default() -> Self {
        let name = |name: &str| ClaimName(name.to_owned());
        Self { subject: name("sub"), email: name("email"), email_verified: name("email_verified"), groups: name("groups") }
    }
}
