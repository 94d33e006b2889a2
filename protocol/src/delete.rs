//! `POST /v1/delete`: the broker deletes for the owner. DELETE is never signed: on some stores one signed DELETE removes a whole
//! prefix.

use serde::{Deserialize, Serialize};

use crate::presign::Refusal;

/// Body of `POST /v1/delete`: 1 to 1,000 keys of the caller's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteBatch {
    /// The object keys.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub keys: Vec<String>,
}

/// Reply of `POST /v1/delete`: one result a key, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeleteReply {
    /// The results.
    pub results: Vec<DeleteOutcome>,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum DeleteOutcome {
    /// The object is gone.
    Deleted,
    /// There was none.
    Absent,
    /// Not done.
    Refused(Refusal),
}
