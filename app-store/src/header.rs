//! The JOSE header, read without ambiguity (RFC 7515, section 4).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::JwsError;

/// More fields than any header has: what repeats names without end is refused early.
const MOST_FIELDS: usize = 32;

/// What counts of a header. Fields that would name another key (`jwk`, `jku`, `x5u`, `kid`) are never looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: Option<String>,
    /// Certificates in base64, as they came.
    pub(crate) certificates: Vec<String>,
}

/// What a well-formed JSON object can still be refused for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    header: Header,
    has_duplicate: bool,
    has_critical: bool,
}

impl Header {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, JwsError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let findings = Findings::deserialize(&mut reader).and_then(|findings| reader.end().map(|()| findings));
        let findings =
            findings.map_err(|_| JwsError::Malformed { reason: "the header is not a JSON object of the right types" })?;
        if findings.has_duplicate {
            return Err(JwsError::HeaderDuplicate);
        }
        if findings.has_critical {
            return Err(JwsError::HeaderCritical);
        }
        Ok(findings.header)
    }
}

impl<'de> Deserialize<'de> for Findings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Findings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Findings, A::Error> {
        let mut findings = Findings::default();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.len() == MOST_FIELDS {
                return Err(A::Error::custom("too many fields"));
            }
            match name.as_str() {
                "alg" => findings.header.algorithm = Some(map.next_value()?),
                "x5c" => findings.header.certificates = map.next_value_seed(Certificates)?,
                "crit" => {
                    map.next_value::<IgnoredAny>()?;
                    findings.has_critical = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            findings.has_duplicate |= !seen.insert(name);
        }
        Ok(findings)
    }
}

/// A list of strings; a vector that grows with what came is safe, since the JWS as a whole is bounded.
struct Certificates;

impl<'de> DeserializeSeed<'de> for Certificates {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Vec::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_named_twice_is_refused_whatever_it_says() {
        for json in [
            r#"{"alg":"ES256","alg":"ES256","x5c":[]}"#,
            r#"{"alg":"ES256","x5c":[],"x5c":[]}"#,
            r#"{"alg":"ES256","x5c":[],"\u0061lg":"none"}"#,
            r#"{"alg":"ES256","x5c":[],"kid":"a","kid":"b"}"#,
        ] {
            assert_eq!(Header::parse(json.as_bytes()), Err(JwsError::HeaderDuplicate), "{json}");
        }
    }

    #[test]
    fn crit_is_refused_even_when_it_demands_nothing() {
        for json in [r#"{"alg":"ES256","crit":[]}"#, r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, r#"{"crit":null}"#] {
            assert_eq!(Header::parse(json.as_bytes()), Err(JwsError::HeaderCritical), "{json}");
        }
    }

    #[test]
    fn what_is_no_header_is_malformed() {
        for json in ["", "null", "[]", "{} {}", r#"{"alg":7}"#, r#"{"alg":"ES256","x5c":"AA=="}"#, r#"{"x5c":[1]}"#, "{\"a\":1,}"]
        {
            assert!(matches!(Header::parse(json.as_bytes()), Err(JwsError::Malformed { .. })), "{json}");
        }
        let many: Vec<_> = (0..100).map(|field| format!("\"f{field}\":0")).collect();
        assert!(matches!(Header::parse(format!("{{{}}}", many.join(",")).as_bytes()), Err(JwsError::Malformed { .. })));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(r#"{{"alg":"ES256","a":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(Header::parse(deep.as_bytes()).unwrap().algorithm.as_deref(), Some("ES256"));
    }
}
