//! Tests of the broker from outside: real HTTP against a broker and the embedded store on loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod cli;
mod config;
mod delete;
mod delete_attacks;
mod device;
mod enrolment;
mod http;
mod invite;
mod multipart;
mod openapi;
mod policy;
mod presign;
mod proof;
mod renewal;
mod revocation;
mod subscription;
mod token;
mod world;
