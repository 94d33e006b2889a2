//! JSON bodies: read strictly, refused as problems.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;

use crate::problem::Problem;

const MAX_REASON_CHARACTERS: usize = 200;

/// A body or reply of `application/json`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonBody(body) = JsonBody::from_request(request, state).await?;
        read(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A body of `application/json` that is yet to be read: of what is not copied out of it.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = media_type.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(ProblemCode::UnsupportedMediaType, "the body must be application/json"));
        }
        // A layer has bounded and buffered it.
        let body = request.into_body().collect().await;
        let body = body.map_err(|_| Problem::new(ProblemCode::InvalidRequest, "the body could not be read"))?;
        Ok(Self(body.to_bytes()))
    }
}

/// Reads the body of a route.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    // One look at the whole costs less than one at each text in it. What is no UTF-8 is read by bytes, for its error as a rule.
    let value = std::str::from_utf8(body).map_or_else(|_| serde_json::from_slice(body), serde_json::from_str);
    value.map_err(|error| {
        let reason: String = error.to_string().chars().take(MAX_REASON_CHARACTERS).collect();
        Problem::new(ProblemCode::InvalidJson, format!("the body is not the JSON of this route: {reason}"))
    })
}
