//! Refusals of what the App Store signed, as they leave the broker. Their messages name rules and no content.

use tidegate_app_store::{JwsError, Refusal};

use crate::problem::Problem;

impl From<JwsError> for Problem {
    fn from(error: JwsError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}
