//! Attachments that are uploaded in parts: through the broker, to a real store.

mod attacks;
mod flow;
mod seaweedfs;
mod upload;
