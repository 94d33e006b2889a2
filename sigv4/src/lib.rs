//! AWS Signature Version 4 for S3, in its query form (presigned URLs) and its header form; and for the form posts of STS.
//!
//! No IO and no clock: the time is an argument. [`Presigner`] keeps the day's signing key; [`Presigner::at`] prepares what
//! is equal for every URL of one batch, so that a URL costs little more than the SHA-256 of its canonical request.
//!
//! S3 deviates from the general rules in three points, all kept here: the path is percent-encoded once, it is never
//! normalised, and the payload hash of a presigned URL is the literal `UNSIGNED-PAYLOAD`. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>.

mod canonical;
mod credentials;
mod encode;
mod endpoint;
mod error;
mod form;
mod header;
mod hmac;
mod method;
mod presign;
mod sha256;
mod signed_headers;
mod signing_key;
mod timestamp;

pub use credentials::Credentials;
pub use endpoint::{AddressingStyle, Endpoint, EndpointError};
pub use error::SignError;
pub use form::sign_form;
pub use header::{PayloadHash, SignedRequest};
pub use method::Method;
pub use presign::{BatchSigner, MAX_EXPIRES_SECONDS, Presigner};
pub use signing_key::SigningKey;
