//! The command line from outside: real processes, real HTTP, real SQLite.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account;
mod attachments;
mod backend;
mod bad_input;
mod compose;
mod cost;
#[cfg(unix)]
mod crash_points;
#[cfg(feature = "demo")]
mod demo;
mod devices;
mod dialects;
mod disk_full;
mod doctor;
mod exports;
mod flow;
mod foreign;
mod harness;
#[cfg(feature = "demo")]
mod help;
mod kill;
mod matrix;
mod memory;
mod minio;
mod offline;
#[cfg(feature = "demo")]
mod oidc;
#[cfg(feature = "demo")]
mod real_openid_provider;
mod seaweedfs;
#[cfg(feature = "demo")]
mod subscription;
mod tandem;
mod tandem_ingest;
mod trouble;
mod versions;
mod watching;
mod workload;
