//! Tests of the broker from outside: real HTTP against a broker and the embedded store on loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod app_store_notifications;
mod app_store_recover;
mod apple;
mod audit;
mod cli;
mod config;
mod credentials;
mod delete;
mod delete_attacks;
mod device;
mod doctor;
mod drain;
mod enrolment;
mod http;
mod invite;
mod limits;
mod log_drain;
mod metrics;
mod multipart;
mod openapi;
mod policy;
mod presign;
mod probing;
mod proof;
mod pumpsync_self_host;
mod relay;
mod renewal;
mod revocation;
mod store_proxy;
mod subscription;
mod tls;
mod token;
mod world;
