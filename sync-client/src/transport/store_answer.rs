//! What a store's answer means. See <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use std::ops::Range;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, ETAG, LAST_MODIFIED};
use tidegate_store_probe::xml::error_code;

use super::http::Answer;
use super::{Fetched, GetOptions, GetOutcome, HeadOutcome, PutCondition, PutOutcome};
use crate::error::Error;

/// The answer to a GET of an object.
pub(super) fn get(answer: Answer, options: &GetOptions) -> Result<GetOutcome, Error> {
    if answer.is_of_somebody_else() {
        return Err(answer.not_ours());
    }
    match answer.status {
        StatusCode::NOT_MODIFIED if options.if_none_match.is_some() => Ok(GetOutcome::NotModified),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => found(answer, options.range.as_ref()),
        StatusCode::NOT_FOUND => missing(&answer).map(|()| GetOutcome::Missing),
        StatusCode::NOT_MODIFIED => Err(answer.malformed("unchanged, without having been asked whether")),
        _ => Err(refusal(&answer)),
    }
}

/// The answer to a HEAD of an object.
pub(super) fn head(answer: &Answer) -> Result<HeadOutcome, Error> {
    if answer.is_of_somebody_else() {
        return Err(answer.not_ours());
    }
    match answer.status {
        StatusCode::OK => {
            let length = answer.header(&CONTENT_LENGTH).and_then(|text| text.parse().ok());
            let length = length.ok_or_else(|| answer.malformed("no length"))?;
            Ok(HeadOutcome::Found { etag: etag(answer)?, length, last_modified: answer.time(&LAST_MODIFIED) })
        }
        // An answer to a HEAD has no body that could tell a store's 404 from a proxy's.
        StatusCode::NOT_FOUND => Ok(HeadOutcome::Missing),
        _ => Err(refusal(answer)),
    }
}

/// The answer to a PUT of an object.
pub(super) fn put(answer: &Answer, condition: &PutCondition) -> Result<PutOutcome, Error> {
    if answer.is_of_somebody_else() {
        return Err(answer.not_ours());
    }
    match answer.status {
        StatusCode::OK | StatusCode::CREATED => Ok(PutOutcome::Stored { etag: etag(answer)? }),
        StatusCode::PRECONDITION_FAILED => Ok(PutOutcome::ConditionFailed),
        // Some stores answer so where the object to replace is gone.
        StatusCode::NOT_FOUND if matches!(condition, PutCondition::Matches(_)) => {
            missing(answer).map(|()| PutOutcome::ConditionFailed)
        }
        _ => Err(refusal(answer)),
    }
}

/// Any other answer: what went wrong, by class.
pub(super) fn refusal(answer: &Answer) -> Error {
    if answer.is_of_somebody_else() {
        return answer.not_ours();
    }
    let host = answer.host.clone();
    let status = answer.status.as_u16();
    let code = match error_code(&answer.body) {
        code if code.is_empty() => format!("HTTP {status}"),
        code => code,
    };
    match (status, code.as_str()) {
        (_, "NoSuchBucket") => Error::BucketMissing { host },
        (_, "RequestTimeTooSkewed") => Error::ClockRefused { host },
        // Temporary credentials that have ended.
        (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => Error::StoreDenied { host, code },
        // A bucket so new that its region's address is not known everywhere yet.
        (307, _) => answer.unavailable(),
        (501, _) => Error::StoreRefused { host, status, code },
        // The write raced another one and nothing is wrong with it; a slow client's body ran into the store's patience.
        (409, _) | (400, "RequestTimeout") => answer.unavailable(),
        // The body was damaged on its way: it is sent again.
        (400, "BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch") => {
            answer.unavailable()
        }
        (408 | 425 | 429, _) => answer.unavailable(),
        (500.., _) => answer.unavailable(),
        (401 | 403, _) => Error::StoreDenied { host, code },
        _ => Error::StoreRefused { host, status, code },
    }
}

fn found(answer: Answer, range: Option<&Range<u64>>) -> Result<GetOutcome, Error> {
    let etag = etag(&answer)?;
    let last_modified = answer.time(&LAST_MODIFIED);
    let body = match range {
        Some(range) if answer.status == StatusCode::OK => {
            // The store ignored the range and sent all.
            let part = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let part = part.filter(|(start, end)| start <= end && *end <= answer.body.len());
            let (start, end) = part.ok_or_else(|| answer.malformed("shorter than the range asked for"))?;
            answer.body.slice(start..end)
        }
        Some(range) if answer.body.len() as u64 != range.end.saturating_sub(range.start) => {
            return Err(answer.malformed("another range than the one asked for"));
        }
        Some(_) | None => answer.body,
    };
    Ok(GetOutcome::Found(Fetched { body, etag, last_modified }))
}

/// Whether an answer refuses the signature, the credential behind it or its time, rather than what was asked.
pub(super) fn refuses_the_signature(answer: &Answer) -> bool {
    if answer.is_of_somebody_else() {
        return false;
    }
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
        StatusCode::BAD_REQUEST => matches!(
            error_code(&answer.body).as_str(),
            // An answer to a HEAD has no body and so no code.
            "" | "AccessDenied"
                | "AuthorizationHeaderMalformed"
                | "AuthorizationQueryParametersError"
                | "ExpiredToken"
                | "InvalidToken"
                | "RequestExpired"
                | "RequestTimeTooSkewed"
                | "TokenRefreshRequired"
        ),
        _ => false,
    }
}

/// A 404 that the store itself sends about the object. One about the bucket is another matter, and one without the store's
/// words is a proxy's or a router's: taken for absence it would have the engine name segments as lost that are not.
pub(super) fn missing(answer: &Answer) -> Result<(), Error> {
    match error_code(&answer.body).as_str() {
        "NoSuchBucket" => Err(Error::BucketMissing { host: answer.host.clone() }),
        "" => Err(answer.not_ours()),
        _ => Ok(()),
    }
}

/// Every store sends an ETag with an object it has; an answer without one is somebody else's.
pub(super) fn etag(answer: &Answer) -> Result<String, Error> {
    answer.header(&ETAG).map(str::to_owned).ok_or_else(|| answer.not_ours())
}
