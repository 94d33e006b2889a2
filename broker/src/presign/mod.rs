//! Presigned URLs: parse what is asked for, decide, sign.

mod handler;
mod item;
pub mod policy;
mod reply;
pub mod request;
mod tally;
pub mod upload_id;

pub use item::Item;

pub(crate) use handler::{__path_presign, __path_presigned_url, MAX_URL_SECONDS, presign, presigned_url};
