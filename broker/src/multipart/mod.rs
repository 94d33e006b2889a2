//! `POST /v1/multipart/...`: attachments that are uploaded in parts.
//!
//! The parts go to the store by presigned URLs; what begins, ends and looks at an upload is done by the broker itself, so that no URL is
//! ever signed that could end somebody's upload or make an object of other bytes than its key names.

mod handler;
mod request;
mod stored;

pub(crate) use handler::{__path_abort, __path_complete, __path_create, __path_parts, abort, complete, create, parts};
pub use request::UploadRequest;
