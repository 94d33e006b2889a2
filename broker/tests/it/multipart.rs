//! Attachments that are uploaded in parts: through the broker, to a real store.

mod attacks;
mod flow;
pub(crate) mod seaweedfs;
mod upload;
