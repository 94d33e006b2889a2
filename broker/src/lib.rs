//! The Tidegate broker: verifies who is asking, mints short-lived tokens bound to a device key, and hands out narrowly scoped
//! presigned URLs. It never sees plaintext or keys, and no user's object passes through it.
//!
//! [`serve`] runs it by a configuration; [`dev`] runs it together with the embedded store in one process.

mod account;
pub mod app_store;
mod audit;
mod broker;
mod budget;
pub mod cli;
pub mod clock;
pub mod config;
mod credentials;
mod current;
mod delete;
#[cfg(feature = "embedded")]
pub mod dev;
pub mod doctor;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
mod health;
mod identity;
mod json;
mod layers;
mod limits;
mod log_drain;
mod metrics;
pub mod multipart;
pub mod openapi;
pub mod presign;
mod private_file;
mod problem;
mod relay;
mod reload;
mod reload_request;
mod routes;
pub mod serve;
mod session;
mod stop_request;
mod store;
pub mod telemetry;
mod traces;

pub use audit::AuditSettings;
pub use identity::{Invite, InviteError, InviteRequest, MAX_INVITE_DEVICES, issue_invite};
pub use limits::{InvalidProxy, Rate, RateLimits, TrustedProxies};
pub use relay::RelaySettings;
pub use reload::ReloadError;
pub use session::{InvalidSigningKey, NewSigningKey, SigningKeys};
pub use store::{Addressing, Probing, StoreConfig, StoreCredential};
pub use traces::{TraceSettings, Traces};
