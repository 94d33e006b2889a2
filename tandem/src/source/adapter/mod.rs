//! The versions of the data service's interface. What a version asks and how it reads the answers stands in one file, so that the next
//! one comes beside it: the service has changed without notice before.
//!
//! - [`json_v1`]: JSON, from mid-2026 on (its filter was called `eventIds` at first).
//! - Before: records of 26 bytes in base64. The service no longer answers so; archives are read by
//!   [`decode_archive`](crate::decode_archive).

pub(super) mod json_v1;
