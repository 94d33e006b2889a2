//! The API that apps see.

mod cache;
mod contents;
mod deletion;
mod devices;
mod edits;
mod enrolment;
mod examination;
mod merged;
mod new_keys;
mod syncing;

pub use cache::CacheUsage;
pub use contents::{ContentReader, WrittenOut};
pub use deletion::AccountDeletion;
pub use devices::LoggedOut;
pub(crate) use edits::refusal;
pub(crate) use merged::{United, united};

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tidegate_protocol::{DeviceId, RecordId, UserId};
use tidegate_sync_core::keys::RecoveryCode;
use tokio::sync::broadcast;

use crate::device::Device;
use crate::enrol::PendingReset;
use crate::error::Error;
use crate::home::{Home, HomeLock};
use crate::options::Options;
use crate::record::{Conflict, ListFilter, Listing, Member, Version};
use crate::remote::Remote;
use crate::report::{Event, Status, SyncReport};
use crate::session::Ticket;
use crate::transport::Transport;
use crate::view;

/// How a device comes to an account.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The broker or the store.
    pub remote: Remote,
    /// The invite or the subscription; brokers ask for one.
    pub ticket: Option<Ticket>,
    /// The device's name, for the account's people; at most 256 bytes.
    pub device_name: String,
}

/// A new account on its first device.
#[derive(Debug)]
pub struct Created {
    /// The client, ready to use.
    pub client: SyncClient,
    /// To be written down by the owner: with it, and only with it, other devices can join and a lost account can be recovered.
    /// It stays in the home until [`SyncClient::recovery_code_kept`].
    pub recovery_code: RecoveryCode,
}

/// What became of a new account that is to take another's place.
#[derive(Debug)]
pub enum Reset {
    /// It waits: everything is decided and kept in the home.
    Pending(PendingReset),
    /// The invite or subscription leads to it.
    Done(Box<Created>),
}

/// A local database that was made again from the store.
#[derive(Debug)]
pub struct Rebuilt {
    /// The client, its content as of now in the store.
    pub client: SyncClient,
    /// How many edits had not been sent and are lost; `None` where the damaged database could not tell.
    pub lost_edits: Option<u64>,
    /// The sync that filled it.
    pub report: SyncReport,
}

/// An account on this device. Cheap to clone.
///
/// Methods that are not `async` work on the device alone and block for the time of a disk write, or until another process on
/// the same home is done.
#[derive(Clone)]
pub struct SyncClient {
    pub(crate) device: Arc<Device>,
}

impl fmt::Debug for SyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncClient")
            .field("user_id", &self.user_id())
            .field("device_id", &self.device_id())
            .finish_non_exhaustive()
    }
}

impl SyncClient {
    /// Opens the account in this home. No request is made.
    ///
    /// # Errors
    /// `not-enrolled`, `local-database-damaged` (then [`SyncClient::rebuild`]), `local-database-newer`, `home-unreadable`.
    pub fn open(home: &Path, options: Options) -> Result<Self, Error> {
        let home = Home::new(home);
        let lock = HomeLock::new(&home, options.home_wait);
        Ok(Self { device: Arc::new(Device::open(home, lock, options)?) })
    }

    /// The account.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.device.keys.user
    }

    /// This device.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        self.device.keys.device
    }

    /// Where the account's objects live.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.device.keys.remote
    }

    /// The family members, by id.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.device.read(|state| Ok(view::members(&state.engine)))
    }

    /// Records and attachments as they stand.
    ///
    /// # Errors
    /// `member-unknown`, `local-database-damaged`.
    pub fn list(&self, filter: &ListFilter) -> Result<Listing, Error> {
        self.device.read(|state| view::list(&state.engine, filter))
    }

    /// The versions of a record, the newest first.
    ///
    /// # Errors
    /// `record-unknown`.
    pub fn history(&self, record: RecordId) -> Result<Vec<Version>, Error> {
        self.device.read(|state| view::history(&state.engine, record))
    }

    /// The records with concurrent versions.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, Error> {
        self.device.read(|state| Ok(view::conflicts(&state.engine)))
    }

    /// How this device stands. No request is made.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn status(&self) -> Result<Status, Error> {
        self.device.read(|state| {
            let known = state.database.devices()?;
            Ok(Status {
                user_id: self.user_id(),
                device_id: self.device_id(),
                remote: self.device.keys.remote.clone(),
                pending: state.engine.unsent() as u64,
                last_sync: state.database.last_sync_ms()?.map(|millis| view::time_of_millis(millis.unsigned_abs())),
                store_profile: state.database.store_profile()?,
                holes: view::holes(&state.engine.holes()),
                quarantined: view::quarantined(&state.engine.quarantined()),
                notices: view::notices(&state.engine.notices()),
                mass_delete: view::mass_deletes(&state.engine.mass_deletes()),
                conflicts: state.engine.conflict_count(),
                devices: view::devices(&state.engine, &known, &self.device.keys.device_name),
                clock_offset_ms: self.device.clock.offset_ms(),
            })
        })
    }

    /// The way to the account's objects, for tools that look at them one by one.
    ///
    /// # Errors
    /// `credentials-missing`, `invalid-setting`.
    pub fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        self.device.transport()
    }

    /// What happens from now on, here and by syncs. A receiver that lags behind misses the oldest events.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.device.events.subscribe()
    }
}
