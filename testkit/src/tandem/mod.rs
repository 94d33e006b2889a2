//! A stand-in for Tandem Source: real HTTP, the recorded protocol, each failure on demand, and logs of any length.

mod data;
mod fault;
mod id_token;
mod log;
mod pages;
mod plan;
mod server;

pub use fault::{Fault, Stage};
pub use id_token::Forgery;
pub use log::{ClockSet, LogPlan};
pub use plan::{Plan, PlannedPump};
pub use server::{Counts, TandemStandIn};
