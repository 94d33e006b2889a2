//! What is asked of uploads in parts: from the broker's own file.

#[path = "../../broker/src/multipart/request.rs"]
mod request;

pub use self::request::UploadRequest;
