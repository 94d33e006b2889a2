//! The probe over real HTTP: the embedded store, a real SeaweedFS, and stand-ins on which each promise is broken in one way.

mod basics;
mod embedded;
mod minio;
mod seaweedfs;
mod store;
