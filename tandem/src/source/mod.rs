//! The client of the vendor's service: login, pumps, logs. Nobody promised this interface; `docs/tandem.md` says what is relied on.
//!
//! A [`Client`] makes single requests and keeps nothing. A [`Session`] above it keeps a login alive through a [`Keeper`], and never
//! attempts more logins than an account bears.

mod account;
mod adapter;
mod client;
mod endpoints;
mod error;
mod guard;
mod http;
mod id_token;
mod keeper;
mod login;
mod pkce;
mod pump_log;
mod report;
mod session;
mod sign_in;
mod window;

pub use account::{Account, Pump};
pub use client::Client;
pub use endpoints::{Endpoints, Region, UnknownRegion};
pub use error::{Class, IdTokenFault, SourceError};
pub use guard::LoginGuard;
pub use http::Limits;
pub use keeper::{Keeper, KeeperError};
pub use login::{Login, Token};
pub use pump_log::PumpLog;
pub use report::Report;
pub use session::Session;
pub use window::{MOST_DAYS, Window};
