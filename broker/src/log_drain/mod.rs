//! `POST /v1/ops/log-drain`: log entries of the app's other parts go into the broker's own log, without their secrets.
//!
//! Whoever sends them knows a shared secret and signs the body with it. A body that is sent again is logged again, and does no more.

mod redact;

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};

use self::redact::redact;
use crate::broker::Broker;
use crate::problem::Problem;

/// The header with `sha256=` and the HMAC-SHA256 of the body in hex.
const SIGNATURE: &str = "x-log-drain-signature";
/// Most entries of one call.
const MAX_ENTRIES: usize = 1_000;

/// Takes entries as one JSON object, an array of them, or one object a line.
#[utoipa::path(
    post,
    path = "/v1/ops/log-drain",
    tag = "operation",
    request_body(content = String, content_type = "application/json", description = "A JSON object, an array, or one object a line"),
    params(("x-log-drain-signature" = String, Header, description = "`sha256=` and the HMAC-SHA256 of the body under the shared secret, in hex")),
    responses(
        (status = 202, description = "Logged, without secrets"),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn log_drain(State(broker): State<Broker>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let secret = broker.log_drain_secret.get();
    let Some(secret) = secret.as_ref() else {
        return Err(Problem::new(ProblemCode::NotFound, "this broker takes no logs"));
    };
    let signature = headers.get(SIGNATURE).map(http::HeaderValue::as_bytes);
    for entry in accept(secret, signature, &body)? {
        tracing::info!(%entry, "drained");
    }
    Ok(StatusCode::ACCEPTED)
}

/// The entries of a body that was signed, fit for a log.
fn accept(secret: &SecretString, signature: Option<&[u8]>, body: &[u8]) -> Result<Vec<Value>, Problem> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let tag = signature.and_then(|signature| hex::decode(signature.strip_prefix(b"sha256=")?).ok()).unwrap_or_default();
    // Compares in constant time.
    hmac::verify(&key, body, &tag).map_err(|_| {
        Problem::new(ProblemCode::LogDrainSignatureInvalid, format!("{SIGNATURE} is not sha256= and the HMAC of the body"))
    })?;
    let mut entries = entries(body)?;
    if entries.len() > MAX_ENTRIES {
        return Err(Problem::new(ProblemCode::BatchSize, format!("a call carries at most {MAX_ENTRIES} entries")));
    }
    entries.iter_mut().for_each(redact);
    Ok(entries)
}

fn entries(body: &[u8]) -> Result<Vec<Value>, Problem> {
    let entries: Result<Vec<Value>, _> = match serde_json::from_slice(body) {
        Ok(Value::Array(entries)) => Ok(entries),
        Ok(entry) => Ok(vec![entry]),
        Err(_) => serde_json::Deserializer::from_slice(body).into_iter().collect(),
    };
    match entries {
        Ok(entries) if entries.iter().all(Value::is_object) => Ok(entries),
        Ok(_) | Err(_) => {
            Err(Problem::new(ProblemCode::InvalidJson, "the body is neither JSON objects, one a line, nor an array of them"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret() -> SecretString {
        SecretString::from("a secret that both sides know")
    }

    fn signed(body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret().expose_secret().as_bytes());
        format!("sha256={}", hex::encode(hmac::sign(&key, body)))
    }

    fn accepted(body: &[u8]) -> Result<Vec<Value>, ProblemCode> {
        accept(&secret(), Some(signed(body).as_bytes()), body).map_err(|problem| problem.code)
    }

    #[test]
    fn an_object_an_array_and_lines_are_read_alike() {
        let both = vec![json!({"n": 1}), json!({"n": 2})];
        assert_eq!(accepted(br#"[{"n":1},{"n":2}]"#), Ok(both.clone()));
        assert_eq!(accepted(b"{\"n\":1}\n{\"n\":2}\n"), Ok(both));
        assert_eq!(accepted(br#"{"n":1}"#), Ok(vec![json!({"n": 1})]));
        assert_eq!(accepted(b"[]"), Ok(vec![]));
        for body in [&b"{\"n\":1}\n{\"n\""[..], b"[1]", b"text", b"\xff", b"{}]"] {
            assert_eq!(accepted(body), Err(ProblemCode::InvalidJson), "{}", String::from_utf8_lossy(body));
        }
        let many = format!("[{}]", vec!["{}"; MAX_ENTRIES + 1].join(","));
        assert_eq!(accepted(many.as_bytes()), Err(ProblemCode::BatchSize));
    }

    #[test]
    fn nothing_is_taken_from_whoever_does_not_know_the_secret() {
        let body = br#"{"n":1}"#;
        let good = signed(body);
        let of_another_body = signed(br#"{"n":2}"#);
        let cut = &good[..good.len() - 2];
        let without_name = good.trim_start_matches("sha256=");
        for forged in ["", "sha256=", cut, without_name, of_another_body.as_str(), "sha256=zz"] {
            let refused = accept(&secret(), Some(forged.as_bytes()), body).map_err(|problem| problem.code);
            assert_eq!(refused, Err(ProblemCode::LogDrainSignatureInvalid), "{forged}");
        }
        let refused = accept(&secret(), None, body).map_err(|problem| problem.code);
        assert_eq!(refused, Err(ProblemCode::LogDrainSignatureInvalid));
    }

    #[test]
    fn what_is_logged_holds_no_secret() {
        let entry = json!({"headers": {"Authorization": "Bearer s3cr3t"}, "message": "login of user with password=s3cr3t"});
        let logged = accepted(entry.to_string().as_bytes()).unwrap();
        assert!(!logged[0].to_string().contains("s3cr3t"), "{logged:?}");
    }
}
