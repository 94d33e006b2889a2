//! A pump's log, from the vendor's service into the account's own records: login, and how far each pump was read.
//!
//! Name, password and token stay on this device, sealed in its database; they are in no record, no sync and no log. What is read
//! goes into days of samples ([`crate::SyncClient::put_samples`]). `docs/tandem.md` has the rules.

mod account;
mod cursor;
mod ingest;
mod keeper;
mod plan;
mod settings;
mod watch;

pub use account::{TandemAccount, TandemPump};
pub use ingest::{IngestOptions, IngestProgress, IngestReport, PumpReport, Skipped};
pub use settings::{Service, TandemSetup};
pub use tidegate_tandem::source::{Login, Region, SourceError};
pub use tidegate_tandem::{Concentration, Zone};
pub use watch::{IngestWatch, TandemWatched};
