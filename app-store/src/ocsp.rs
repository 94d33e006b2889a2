//! OCSP (RFC 6960): what is asked about a certificate of a chain, and which answers are believed. Fetching is the caller's.

mod request;
mod response;
mod signer;

pub use request::request;
pub use response::{MAX_RESPONSE_BYTES, OcspAnswer, OcspError, OcspStatus, judge};
