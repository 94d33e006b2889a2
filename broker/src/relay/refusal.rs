//! What goes wrong at Tandem, as problems. A problem's cause goes into the log: it names what failed, and nobody.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use tidegate_protocol::problem::ProblemCode;
use tidegate_tandem::source::{Class, SourceError};

use crate::problem::Problem;

/// A refusal, and in how many seconds to come back, where that is known.
pub(crate) struct Refusal {
    problem: Problem,
    after: Option<u32>,
}

impl Refusal {
    /// Too many in an hour.
    pub(super) fn too_often(after: u32) -> Self {
        let problem = Problem::new(ProblemCode::TandemSyncLimit, "too many calls for this user or Tandem account in an hour");
        Self { problem, after: Some(after) }
    }

    /// Tandem would lock the account.
    pub(super) fn would_lock(after: u32) -> Self {
        let message = "Tandem refused this account's credentials; they are not tried again for now, lest Tandem locks it";
        Self { problem: Problem::new(ProblemCode::TandemLocked, message), after: Some(after) }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, after: None }
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let seconds = |until: Timestamp| {
            let left = until.duration_since(Timestamp::now()).as_secs();
            Some(u32::try_from(left).unwrap_or(0).max(1))
        };
        let unavailable = ProblemCode::TandemUnavailable;
        let (code, message, after) = match error.class() {
            Class::Credentials => (
                ProblemCode::TandemCredentialsRefused,
                "Tandem refuses name or password; the other region's accounts look like this, too",
                None,
            ),
            Class::Locked { until } => {
                (ProblemCode::TandemLocked, "Tandem has locked the account after too many attempts", seconds(until))
            }
            Class::RateLimited { until } => (unavailable, "Tandem asks to wait", seconds(until)),
            Class::Changed => (unavailable, "Tandem has changed its service; the broker needs a newer version", Some(3600)),
            Class::Blocked => {
                (unavailable, "Tandem refuses the broker, or asks the person something: log in once in a browser", Some(600))
            }
            Class::Retry | Class::Unreachable => (unavailable, "Tandem does not answer; try again later", Some(60)),
        };
        Self { problem: Problem::new(code, message).caused_by(error), after }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(after) = self.after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}
