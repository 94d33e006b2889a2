//! What somebody could try who holds a presigned URL, or nothing: one file for each way.

pub(crate) mod anonymous;
pub(crate) mod verdict;
