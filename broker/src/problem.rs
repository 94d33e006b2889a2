//! Errors as they leave the broker: RFC 9457 documents with a stable code.
//!
//! A handler returns a [`Problem`]; the outermost layer, which knows the request id, writes its body and logs its cause once
//! ([`crate::layers`]). The body of a 500 never says more than that.

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use tidegate_protocol::presign::Refusal;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};

use crate::store::StoreError;

/// Media type of an error's body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed, with what only the log may say.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) code: ProblemCode,
    pub(crate) message: String,
    pub(crate) cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    pub(crate) fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None }
    }

    /// A bug or a broken part: the client learns the correlation id alone.
    pub(crate) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::internal_without_cause().caused_by(cause)
    }

    pub(crate) fn internal_without_cause() -> Self {
        Self::new(ProblemCode::Internal, "the broker failed; its operator finds the cause under the correlation id")
    }

    pub(crate) fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The whole reply; `correlation_id` is the request's id.
    pub(crate) fn render(&self, correlation_id: &str) -> Response {
        let document = ProblemDocument::new(self.code, self.message.as_str(), correlation_id);
        let body = serde_json::to_vec(&document).expect("strings and numbers always serialise");
        let mut response = Response::new(Body::from(body));
        let status = StatusCode::from_u16(self.code.status()).expect("every code has a valid status");
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Some(challenge) = challenge(self.code) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// What a 401 must say in `WWW-Authenticate` (RFC 9449, sections 7.1 and 9).
const fn challenge(code: ProblemCode) -> Option<&'static str> {
    if code.status() != 401 {
        return None;
    }
    if matches!(code, ProblemCode::UseDpopNonce) {
        return Some(r#"DPoP error="use_dpop_nonce", algs="ES256""#);
    }
    if matches!(code, ProblemCode::ProofMissing | ProblemCode::ProofInvalid | ProblemCode::ProofReplayed) {
        return Some(r#"DPoP error="invalid_dpop_proof", algs="ES256""#);
    }
    Some(r#"DPoP error="invalid_token", algs="ES256""#)
}

impl IntoResponse for Problem {
    /// A response without a body that carries the problem; the outermost layer writes it.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(ProblemCode::StoreUnavailable, "the store does not answer; try again shortly").caused_by(error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

/// An error and what it came from, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}
