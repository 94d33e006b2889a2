//! Failures and refusals as S3 errors: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Result};

use crate::error::StoreError;
use crate::index::{Answer, Done, Refused};

pub(super) fn error(code: S3ErrorCode, message: &'static str) -> S3Error {
    S3Error::with_message(code, message)
}

pub(super) fn not_implemented(what: &'static str) -> S3Error {
    error(S3ErrorCode::NotImplemented, what)
}

pub(super) fn no_such_bucket() -> S3Error {
    error(S3ErrorCode::NoSuchBucket, "the bucket does not exist")
}

pub(super) fn no_such_key() -> S3Error {
    error(S3ErrorCode::NoSuchKey, "the key does not exist")
}

pub(super) fn no_such_upload() -> S3Error {
    error(S3ErrorCode::NoSuchUpload, "there is no such upload of this key; it may have been completed or aborted")
}

pub(super) fn precondition_failed() -> S3Error {
    error(S3ErrorCode::PreconditionFailed, "a precondition of the request does not hold")
}

/// The cause is logged; what the client gets is constant.
pub(super) fn internal(cause: &StoreError) -> S3Error {
    match cause {
        StoreError::DiskFull => {
            tracing::error!("the disk is full: nothing more can be stored");
            let code = S3ErrorCode::Custom("InsufficientStorage".into());
            let mut full = error(code, "the disk of the server is full; nothing was stored");
            full.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        StoreError::Closed => error(S3ErrorCode::ServiceUnavailable, "the server is shutting down; try again"),
        StoreError::NoSuchBucket(_)
        | StoreError::NoSuchKey(_)
        | StoreError::BucketName(_)
        | StoreError::DamagedBody
        | StoreError::Io(_)
        | StoreError::Index(_) => {
            tracing::error!(%cause, "a request failed");
            error(S3ErrorCode::InternalError, "the server failed; try again")
        }
    }
}

/// Any file or index error on the way.
pub(super) fn failed(cause: impl Into<StoreError>) -> S3Error {
    internal(&cause.into())
}

/// What the index's writer answered.
pub(super) fn settled(answer: Answer) -> S3Result<Done> {
    answer.map_err(|cause| internal(&cause))?.map_err(refused)
}

/// The same of a change that makes one thing: when, in milliseconds since 1970.
pub(super) fn changed_at(answer: Answer) -> S3Result<i64> {
    match settled(answer)? {
        Done::Changed { at_ms } => Ok(at_ms),
        Done::Deleted(_) | Done::Completed(_) => Err(error(S3ErrorCode::InternalError, "the server failed; try again")),
    }
}

pub(super) fn refused(refused: Refused) -> S3Error {
    match refused {
        Refused::BucketExists => error(S3ErrorCode::BucketAlreadyOwnedByYou, "the bucket exists already"),
        Refused::BucketNotEmpty => error(S3ErrorCode::BucketNotEmpty, "the bucket has objects or uploads that go on"),
        Refused::NoSuchBucket => no_such_bucket(),
        Refused::NoSuchKey => no_such_key(),
        Refused::Precondition => precondition_failed(),
        Refused::NoSuchUpload => no_such_upload(),
        Refused::PartOrder => error(S3ErrorCode::InvalidPartOrder, "the parts must be in ascending order, each once"),
        Refused::NoSuchPart => error(S3ErrorCode::InvalidPart, "a part was not uploaded, or is another than the one named"),
        Refused::PartTooSmall => error(S3ErrorCode::EntityTooSmall, "every part but the last has at least 5 MiB"),
        Refused::WrongWhole => error(S3ErrorCode::BadDigest, "the parts do not make what the checksum or size of the whole says"),
        Refused::OtherChecksum => {
            error(S3ErrorCode::InvalidRequest, "the checksum of the whole is not of the kind that the upload began with")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_its_own_code_and_status() {
        let full = failed(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(full.code().as_str(), "InsufficientStorage");
        assert_eq!(full.status_code(), Some(StatusCode::INSUFFICIENT_STORAGE));
    }

    #[test]
    fn an_internal_error_tells_the_client_nothing() {
        let error = failed(std::io::Error::other("/secret/path"));
        assert!(!error.message().unwrap_or_default().contains("secret"));
    }
}
