//! Temporary credentials for reading: prefix-exact, bounded in size and time, made by the store's token service or, for R2, here.
//!
//! Writes are never vended: what a PUT must pin cannot be said in a bucket policy.

mod handler;
mod issuer;
mod policy;
mod r2;
mod sts;
mod sts_reply;
mod trial;

pub(crate) use handler::{__path_credentials, credentials};
pub(crate) use issuer::CredentialIssuer;
pub(crate) use trial::Verdict;
