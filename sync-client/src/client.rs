//! The API that apps see.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use tidegate_protocol::{DeviceId, MemberId, RecordId, UserId};
use tidegate_sync_core::keys::RecoveryCode;
use tokio::sync::broadcast;

use crate::error::Error;
use crate::options::Options;
use crate::record::{
    Attached, ChangeId, Conflict, Content, ContentId, ListFilter, Listing, Member, NewAttachment, NewRecord, Version, Written,
};
use crate::remote::Remote;
use crate::report::{Event, Progress, Status, SyncReport};

/// How a device comes to an account.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The broker or the store.
    pub remote: Remote,
    /// The invite; brokers ask for one.
    pub invite: Option<SecretString>,
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
    inner: Arc<Inner>,
}

impl SyncClient {
    /// Creates an account, or goes on where an earlier call in this home was stopped.
    ///
    /// # Errors
    /// Among others `already-enrolled`, `invite-used-up`, `already-linked` (the invite's person has an account: join it),
    /// `broker-unreachable`, `store-unreachable`. Whatever the error, the call can be repeated.
    pub async fn create_account(home: &Path, enrolment: Enrolment, options: Options) -> Result<Created, Error>;

    /// Joins an account with its recovery code, or goes on where an earlier call in this home was stopped. `user` says which
    /// account of a bucket that holds several. The content comes with the first [`SyncClient::sync`].
    ///
    /// # Errors
    /// Among others `recovery-code-unknown-word` (which), `recovery-code-wrong`, `account-not-found`, `invite-used-up`.
    pub async fn join(
        home: &Path,
        enrolment: Enrolment,
        recovery_code: &RecoveryCode,
        user: Option<UserId>,
        options: Options,
    ) -> Result<Self, Error>;

    /// Opens the account in this home. No request is made.
    ///
    /// # Errors
    /// `not-enrolled`, `local-database-damaged` (then [`SyncClient::rebuild`]), `local-database-newer`, `home-unreadable`.
    pub fn open(home: &Path, options: Options) -> Result<Self, Error>;

    /// Makes the local database again from the store; keys stay, edits that were never sent are lost.
    ///
    /// # Errors
    /// As [`SyncClient::sync`]. The damaged database is put aside only once the new one is filled.
    pub async fn rebuild(home: &Path, options: Options) -> Result<Rebuilt, Error>;

    /// Opens a new session with the broker, after the old one has ended (class re-authenticate, or `renewal-expired`).
    ///
    /// # Errors
    /// Among others `invite-used-up`, `account-proof-invalid`.
    pub async fn sign_in(&self, invite: &SecretString) -> Result<(), Error>;

    /// The recovery code of a new account, until it was confirmed to be kept.
    ///
    /// # Errors
    /// `home-unreadable`, `local-file-damaged`.
    pub fn recovery_code(&self) -> Result<Option<RecoveryCode>, Error>;

    /// The recovery code has been written down: it is wiped from this device.
    ///
    /// # Errors
    /// `home-unwritable`.
    pub fn recovery_code_kept(&self) -> Result<(), Error>;

    /// The account.
    pub fn user_id(&self) -> UserId;

    /// This device.
    pub fn device_id(&self) -> DeviceId;

    /// Adds a family member.
    ///
    /// # Errors
    /// `text-length`, `home-busy`, `disk-full`.
    pub fn add_member(&self, name: &str) -> Result<MemberId, Error>;

    /// The family members, by id.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn members(&self) -> Result<Vec<Member>, Error>;

    /// Stores a record or a new version of one. When this returns, no crash loses it.
    ///
    /// # Errors
    /// `member-unknown`, `record-unknown`, `record-too-large`, `text-length`, `file-unreadable`, `home-busy`, `disk-full`.
    pub fn put(&self, record: NewRecord) -> Result<Written, Error>;

    /// Stores an attachment. When this returns, no crash loses it.
    ///
    /// # Errors
    /// As [`SyncClient::put`], and `attachment-too-large`.
    pub fn attach(&self, attachment: NewAttachment) -> Result<Attached, Error>;

    /// A content. What is not on the device is fetched and kept.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `attachment-unknown`, `change-unknown`, `content-missing`, `content-damaged`, and for
    /// what is not on the device those of [`SyncClient::sync`].
    pub async fn get(&self, id: ContentId) -> Result<Content, Error>;

    /// Records and attachments as they stand.
    ///
    /// # Errors
    /// `member-unknown`, `local-database-damaged`.
    pub fn list(&self, filter: &ListFilter) -> Result<Listing, Error>;

    /// Deletes a record. Its versions can be restored for 90 days.
    ///
    /// # Errors
    /// `record-unknown`, `record-deleted`, `home-busy`, `disk-full`.
    pub fn delete(&self, record: RecordId) -> Result<Written, Error>;

    /// The versions of a record, the newest first.
    ///
    /// # Errors
    /// `record-unknown`.
    pub fn history(&self, record: RecordId) -> Result<Vec<Version>, Error>;

    /// The records with concurrent versions.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, Error>;

    /// Makes the content of an earlier or concurrent version the newest. It is fetched if it is not on the device.
    ///
    /// # Errors
    /// As [`SyncClient::get`] and [`SyncClient::put`].
    pub async fn restore(&self, record: RecordId, change: ChangeId) -> Result<Written, Error>;

    /// Sends what waits and takes in what is new. May be called at any time; a second call waits for the first.
    ///
    /// # Errors
    /// By class: `retry` where store or broker cannot be reached, `reauthenticate`, `denied`, `decide` (`mass-delete`). Nothing
    /// is lost with any of them.
    pub async fn sync(&self, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<SyncReport, Error>;

    /// How this device stands.
    ///
    /// # Errors
    /// `local-database-damaged`.
    pub fn status(&self) -> Result<Status, Error>;

    /// What happens from now on, here and by syncs. A receiver that lags behind misses the oldest events.
    pub fn subscribe(&self) -> broadcast::Receiver<Event>;
}
