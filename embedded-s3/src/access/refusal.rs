//! Why a request is refused before its signature is even looked at.

use s3s::{S3Error, S3ErrorCode};

/// A refusal, with the S3 error code it is answered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("requests must be signed")]
    Anonymous,
    #[error("signature version 2 is not accepted; sign with version 4")]
    SignatureVersion2,
    #[error("a form is posted to a bucket, and signed by its policy alone")]
    FormUpload,
    #[error("a form must come with its length")]
    FormLength,
    #[error("a request may be signed in its query or in its Authorization header, not in both")]
    SignedTwice,
    #[error("the header {0} is present but not signed")]
    UnsignedHeader(String),
    #[error("the header {0} is signed but not present")]
    MissingHeader(String),
    #[error("the header {0} is present more than once")]
    RepeatedHeader(String),
    #[error("the header {0} is not text")]
    UnreadableHeader(String),
    #[error("the list of signed headers must be in lower case and name host")]
    SignedHeaders,
    #[error("the query parameter {0} is present more than once")]
    RepeatedParameter(String),
    #[error("X-Amz-Expires must be a whole number of seconds from 1 to 604800")]
    Expires,
    #[error("the request has expired")]
    Expired,
    #[error("the time of the request differs from the server's by more than 15 minutes")]
    Skewed,
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    #[error("the signature names the region {found}, but this server is in {expected}")]
    Region { found: String, expected: String },
    #[error("the signature must be for the service s3")]
    Service,
    #[error("a request may give its length or be chunked, not both")]
    TwoLengths,
    #[error("keys must not contain a NUL")]
    Nul,
}

impl Refusal {
    fn code(&self) -> S3ErrorCode {
        match self {
            Self::Anonymous
            | Self::SignatureVersion2
            | Self::FormUpload
            | Self::SignedTwice
            | Self::UnsignedHeader(_)
            | Self::MissingHeader(_)
            | Self::RepeatedHeader(_)
            | Self::UnreadableHeader(_)
            | Self::SignedHeaders
            | Self::Expired => S3ErrorCode::AccessDenied,
            Self::Expires => S3ErrorCode::AuthorizationQueryParametersError,
            Self::Skewed => S3ErrorCode::RequestTimeTooSkewed,
            Self::Malformed(_) | Self::Region { .. } | Self::Service => S3ErrorCode::AuthorizationHeaderMalformed,
            Self::RepeatedParameter(_) | Self::Nul => S3ErrorCode::InvalidArgument,
            Self::TwoLengths => S3ErrorCode::InvalidRequest,
            Self::FormLength => S3ErrorCode::MissingContentLength,
        }
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        Self::with_message(refusal.code(), refusal.to_string())
    }
}
