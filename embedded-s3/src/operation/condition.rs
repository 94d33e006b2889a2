//! Preconditions as headers ask for them: of writes, which the commit decides, and of reads.

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{ETag, ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result};
use time::OffsetDateTime;

use super::failure::{error, not_implemented, precondition_failed};
use crate::clock::from_ms;
use crate::index::{Condition, ObjectRecord};

/// The precondition that the headers of a write ask for.
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

/// Preconditions of reads, in the order of RFC 9110 section 13.2.2.
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    pub(super) fn check(&self, record: &ObjectRecord) -> S3Result<()> {
        let etag = ETag::Strong(record.etag.clone());
        let modified = whole_seconds(record.modified_ms);
        let modified_after = |time: &Timestamp| modified > OffsetDateTime::from(time.clone());
        let holds = match (&self.if_match, &self.if_unmodified_since) {
            (Some(ETagCondition::ETag(wanted)), _) => wanted.strong_cmp(&etag),
            (Some(ETagCondition::Any), _) | (None, None) => true,
            (None, Some(since)) => !modified_after(since),
        };
        if !holds {
            return Err(precondition_failed());
        }
        let changed = match (&self.if_none_match, &self.if_modified_since) {
            (Some(ETagCondition::ETag(known)), _) => !known.weak_cmp(&etag),
            (Some(ETagCondition::Any), _) => false,
            (None, Some(since)) => modified_after(since),
            (None, None) => true,
        };
        if changed { Ok(()) } else { Err(not_modified(record)) }
    }
}

/// HTTP dates have no milliseconds: compared with them, a client that sends `Last-Modified` back would never see a 304.
fn whole_seconds(ms: i64) -> OffsetDateTime {
    from_ms(ms - ms.rem_euclid(1000))
}

fn not_modified(record: &ObjectRecord) -> S3Error {
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", record.etag)) {
        headers.insert(header::ETAG, etag);
    }
    let mut modified = Vec::new();
    let formatted = Timestamp::from(from_ms(record.modified_ms)).format(TimestampFormat::HttpDate, &mut modified);
    if let (Ok(()), Ok(modified)) = (formatted, HeaderValue::from_bytes(&modified)) {
        headers.insert(header::LAST_MODIFIED, modified);
    }
    let mut unchanged = error(S3ErrorCode::NotModified, "the object has not changed");
    unchanged.set_headers(headers);
    unchanged
}
