//! The precondition that the headers of a write ask for.

use s3s::S3Result;
use s3s::dto::ETagCondition;

use super::failure::not_implemented;
use crate::index::Condition;

pub(super) fn condition(if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        // A weak ETag never matches: RFC 9110 section 13.1.1 compares strongly.
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Matches(etag.as_strong().unwrap_or_default().to_owned())),
        (Some(_), Some(_)) => Err(not_implemented("If-Match and If-None-Match do not go together")),
        (None, Some(ETagCondition::ETag(_))) => Err(not_implemented("If-None-Match of a write must be *")),
        (Some(ETagCondition::Any), None) => Err(not_implemented("If-Match of a write must be an ETag")),
    }
}
