//! Temporary credentials: who gets which, and what they can do on a real store.

mod attacks;
mod minio;
mod requests;
mod seaweedfs;
mod token_service;
