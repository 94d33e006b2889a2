//! Presigned URLs: what is asked for, what is granted, what is signed.

pub mod policy;
pub mod request;
