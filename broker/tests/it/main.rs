//! Tests of the broker from outside: real HTTP against a broker and the embedded store on loopback.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod account_deletion;
mod account_reset;
mod account_rotation;
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
mod documented_requests;
mod drain;
mod enrolment;
mod http;
mod invite;
mod limits;
mod log_drain;
mod metrics;
mod multipart;
mod oidc;
mod openapi;
mod policy;
mod presign;
mod probing;
mod process;
mod proof;
mod pumpsync_self_host;
mod relay;
mod reload;
mod renewal;
mod revocation;
mod scale_out;
mod schemathesis;
mod secrets;
mod store_proxy;
mod subscription;
mod tls;
mod token;
mod traces;
mod world;
