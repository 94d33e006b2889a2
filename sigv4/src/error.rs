//! Why a request cannot be signed.

use thiserror::Error;

use crate::endpoint::EndpointError;
use crate::presign::MAX_EXPIRES_SECONDS;

/// Why a request cannot be signed; each is a mistake of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The lifetime of the URL is outside the bounds of S3.
    #[error("expiry of {seconds} s is outside 1 to {MAX_EXPIRES_SECONDS} s")]
    Expiry {
        /// The lifetime asked for, in seconds.
        seconds: u32,
    },
    /// The header name is not a lower-case HTTP token.
    #[error("header name {name:?} is not a lower-case token")]
    HeaderName {
        /// The name as given.
        name: String,
    },
    /// The header is set by the signer itself.
    #[error("header {name} is set by the signer")]
    ReservedHeader {
        /// The name as given.
        name: String,
    },
    /// The header value holds a byte other than visible ASCII, space and tab.
    #[error("value of header {name} holds a byte other than visible ASCII, space and tab")]
    HeaderValue {
        /// The name of the header; its value may be secret.
        name: String,
    },
    /// The address of a service cannot be used.
    #[error("the service's address cannot be used: {0}")]
    Address(#[source] EndpointError),
    /// The query parameter belongs to the signature.
    #[error("query parameter {name:?} belongs to the signature")]
    ReservedQuery {
        /// The name as given.
        name: String,
    },
}
