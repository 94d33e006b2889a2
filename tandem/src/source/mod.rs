//! The client of the vendor's service: login, pumps, logs. Nobody promised this interface; `docs/tandem.md` says what is relied on.
//!
//! A [`Client`] makes single requests and keeps nothing. A [`Session`] above it keeps a login alive through a [`Keeper`], and never
//! attempts more logins than an account bears.

mod account;
mod endpoints;
mod error;
mod guard;
mod keeper;
mod login;
mod pump_log;
mod report;
mod window;

pub use account::{Account, Pump};
pub use endpoints::{Endpoints, Region, UnknownRegion};
pub use error::{Class, IdTokenFault, SourceError};
pub use guard::LoginGuard;
pub use keeper::{Keeper, KeeperError};
pub use login::{Login, Token};
pub use pump_log::PumpLog;
pub use report::Report;
pub use window::{MOST_DAYS, Window};
