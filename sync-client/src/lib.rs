//! What apps embed: records and attachments on the device, synced end-to-end encrypted to object storage.
//!
//! [`SyncClient`] is the whole surface. Every read and write is local and works offline; [`SyncClient::sync`] is separate, may
//! be called at any time and by several processes on one home, and loses nothing wherever it is stopped.
//!
//! ```no_run
//! # async fn example() -> Result<(), tidegate_sync_client::Error> {
//! use std::path::Path;
//! use tidegate_sync_client::{Enrolment, NewRecord, Options, Remote, Source, SyncClient};
//!
//! let enrolment = Enrolment { remote: Remote::broker("https://sync.example")?, ticket: None, device_name: "phone".into() };
//! let created = SyncClient::create_account(Path::new("home"), enrolment, Options::default()).await?;
//! println!("write this down: {}", created.recovery_code.words().as_str());
//! created.client.recovery_code_kept()?;
//!
//! let member = created.client.add_member("Ada")?;
//! let body = Source::Bytes(b"penicillin".to_vec());
//! created.client.put(NewRecord::new(member, body).title("Allergies").kind("note"))?;
//! let report = created.client.sync(&|_progress| {}).await?;
//! println!("{} changes sent", report.pushed);
//! # Ok(())
//! # }
//! ```

mod attachment;
mod client;
mod clock;
pub mod cost;
mod crash;
mod device;
mod driver;
mod enrol;
mod error;
pub mod export;
mod garbage;
pub mod health;
mod home;
mod loading;
mod local;
mod login;
mod names;
mod options;
mod random;
mod record;
mod recovery;
mod remote;
mod report;
mod samples;
mod session;
pub mod tandem;
pub mod transport;
mod view;
pub mod watch;

pub use attachment::{Evicted, MAX_ATTACHMENT_BYTES};
pub use client::{
    AccountDeletion, CacheUsage, ContentReader, Created, Enrolment, LoggedOut, Rebuilt, Reset, SyncClient, WrittenOut,
};
pub use clock::{Clock, StoreClock, SystemClock};
pub use enrol::PendingReset;
pub use error::{Class, Error};
pub use garbage::{CollectReport, DeletedObjects, HeldMember, RepackedObjects, WaitingObjects};
pub use login::{DevicePrompt, Login, LoginError, LoginFlow, LoginPurpose};
pub use names::{SampleNames, SamplePlace};
pub use options::{DEFAULT_CACHE_LIMIT, Options};
pub use record::{
    Attached, AttachmentInfo, ChangeId, Conflict, Content, ContentId, ListFilter, Listing, Member, NewAttachment, NewRecord,
    RecordInfo, Source, Version, VersionState, Written,
};
pub use remote::Remote;
pub use report::{
    DeviceInfo, DeviceState, Event, Hole, MassDelete, Notice, Progress, Quarantined, Requests, Status, SyncReport, Traffic,
};
pub use samples::{SampleDay, SampleFilter, SampleKind, SampleReader, SamplesWritten};
pub use secrecy::SecretString;
pub use session::{IdToken, Purchase, Session, Ticket};
pub use tidegate_sigv4::Credentials;
pub use tidegate_sync_core::engine::SyncOptions;
pub use tidegate_sync_core::keys::RecoveryCode;
pub use tidegate_sync_core::state::{MergeContents, MergeKinds, UnionById};
pub use transport::retry::RetryPolicy;
