//! The one error type of this crate: what happened, what class it is of, and what a person can do about it.

mod class;
mod code;
mod help;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ContentHmac, DeviceId, MemberId, RecordId, UserId};
use tidegate_sync_core::keys::{GenesisError, GrantError, MasterKeysError, RecoveryCodeError};
use tidegate_tandem::source::SourceError;

pub use class::Class;

use crate::login::LoginError;
use crate::transport::Peer;

/// Every way in which a call of this crate fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The home folder cannot be made or written.
    #[error("the folder {} cannot be written", .path.display())]
    HomeUnwritable {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file in the home cannot be read.
    #[error("the file {} cannot be read", .path.display())]
    HomeUnreadable {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Another process works on the same home.
    #[error("another process is working on {} (waited {} seconds)", .path.display(), .waited.as_secs())]
    HomeBusy {
        /// The home.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// No account in this home.
    #[error("there is no account in {}", .path.display())]
    NotEnrolled {
        /// The home.
        path: PathBuf,
    },
    /// An account is already in this home.
    #[error("{} already holds account {user}", .path.display())]
    AlreadyEnrolled {
        /// The home.
        path: PathBuf,
        /// The account.
        user: UserId,
    },
    /// A started enrolment of the other sort is in this home.
    #[error("{} holds a started set-up with other settings ({what})", .path.display())]
    EnrolmentDiffers {
        /// The home.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// No space is left on the device.
    #[error("the disk that holds {} is full", .path.display())]
    DiskFull {
        /// The path.
        path: PathBuf,
    },
    /// A key or session file is not what it has to be.
    #[error("the file {} is damaged: {reason}", .path.display())]
    FileDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, without its content.
        reason: String,
    },
    /// The local database is damaged.
    #[error("the local database is damaged: {reason}")]
    DatabaseDamaged {
        /// What was found.
        reason: String,
    },
    /// The local database was written by a newer version.
    #[error("the local database has schema {found}; this version knows up to {known}")]
    DatabaseNewer {
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// The local database refuses for a reason of its own.
    #[error("the local database failed")]
    Database(#[source] rusqlite::Error),

    /// No connection.
    #[error("{peer} at {host} cannot be reached: {reason}")]
    Unreachable {
        /// Who.
        peer: Peer,
        /// Host and port, never a whole URL: that may be a secret.
        host: String,
        /// The innermost cause.
        reason: String,
    },
    /// No answer in time.
    #[error("{peer} at {host} did not answer in time")]
    TimedOut {
        /// Who.
        peer: Peer,
        /// Host and port.
        host: String,
    },
    /// An answer that says: not now.
    #[error("{peer} at {host} is not available (HTTP {status})")]
    Unavailable {
        /// Who.
        peer: Peer,
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// An answer by something in between: a captive portal, a proxy, a router.
    #[error("something else answered in place of {peer} at {host} (HTTP {status}, {content_type})")]
    NotOurs {
        /// Who was asked.
        peer: Peer,
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The media type of the answer.
        content_type: String,
    },
    /// The store refuses on grounds of rights.
    #[error("the store at {host} denies the request ({code})")]
    StoreDenied {
        /// Host and port.
        host: String,
        /// The store's own error code.
        code: String,
    },
    /// The store refuses the time that a request was signed with, though it was corrected by the store's own.
    #[error("the store at {host} does not accept this device's time")]
    ClockRefused {
        /// Host and port.
        host: String,
    },
    /// The store refuses the request as wrong.
    #[error("the store at {host} refuses the request (HTTP {status}, {code})")]
    StoreRefused {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The store's own error code.
        code: String,
    },
    /// There is no such bucket.
    #[error("the store at {host} has no bucket of this name")]
    BucketMissing {
        /// Host and port.
        host: String,
    },
    /// An answer that is not of its format.
    #[error("{peer} at {host} sent an answer that cannot be read: {reason}")]
    MalformedAnswer {
        /// Who.
        peer: Peer,
        /// Host and port.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// An object is larger than its kind may be.
    #[error("the store sent more than the {limit} bytes that {key} may have")]
    AnswerTooLarge {
        /// The object, or what was asked for.
        key: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The broker said no.
    #[error("the broker refused: {message}")]
    Problem {
        /// The stable code.
        code: ProblemCode,
        /// The broker's sentence.
        message: String,
        /// Finds the request in the broker's log.
        correlation_id: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The broker calls itself something else than it was called.
    #[error("the broker at {given} calls itself {public}")]
    BrokerUrlMismatch {
        /// The URL given.
        given: String,
        /// The URL that the broker states.
        public: String,
    },
    /// The broker speaks a version of the protocol that this client does not.
    #[error("the broker speaks version {found} of the protocol; this client knows version 1")]
    BrokerVersion {
        /// The version stated.
        found: u32,
    },
    /// A setting cannot be used.
    #[error("the {setting} {value:?} cannot be used: {reason}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// The value given; never a secret.
        value: String,
        /// Why not.
        reason: String,
    },
    /// No access key for the direct transport.
    #[error("there is no access key for the store: {missing} is not set")]
    CredentialsMissing {
        /// The variable.
        missing: &'static str,
    },
    /// No session and no means to get one.
    #[error("this device has no session with the broker")]
    SessionMissing,
    /// An invite, a subscription or a login is needed to enrol at a broker.
    #[error("enrolling at a broker needs an invite, a subscription or a login")]
    InviteMissing,

    /// The account goes straight to its store: there is no broker that could do this.
    #[error("this account has no broker: it goes straight to its store")]
    BrokerMissing,

    /// The account is straight on a store, where no broker says which keys count.
    #[error("this account has no broker that could say which of its keys count")]
    NewKeysNeedBroker,
    /// New keys are put in place in two steps, and the first was not taken.
    #[error("no new keys were prepared in {}", .path.display())]
    NewKeysNotPrepared {
        /// The home.
        path: PathBuf,
    },
    /// Whether new keys of the account count is open: the broker was asked, and its answer never came.
    #[error("whether new keys of this account count is open: the broker's answer never came")]
    NewKeysUnsettled,
    /// Another process has taken up new keys of the account.
    #[error("another process has put new keys of this account in place")]
    KeysChanged,
    /// The account is deleted in two steps, and the first was not taken, or too long ago.
    #[error("nobody has asked for this account's deletion in the last minutes")]
    DeletionNotAsked,

    /// The recovery code is not a recovery code.
    #[error(transparent)]
    RecoveryCode(#[from] RecoveryCodeError),
    /// The recovery code is well-formed and not this account's.
    #[error("this recovery code does not open account {user}")]
    RecoveryCodeWrong {
        /// The account.
        user: UserId,
    },
    /// The account's master-key object does not hold.
    #[error("the account's master key cannot be had")]
    MasterKeys(#[source] MasterKeysError),
    /// The account's genesis does not hold.
    #[error("the account's genesis does not hold")]
    Genesis(#[source] GenesisError),
    /// An access grant does not hold.
    #[error("an access grant does not hold")]
    Grant(#[source] GrantError),
    /// The bucket holds no account, or not this one.
    #[error("no account was found in the store")]
    AccountMissing,
    /// The bucket holds several accounts.
    #[error("the store holds {} accounts", .0.len())]
    SeveralAccounts(Vec<UserId>),
    /// The account's first device has not finished creating it.
    #[error("account {user} is not complete yet: {missing} is missing in the store")]
    AccountIncomplete {
        /// The account.
        user: UserId,
        /// What is missing.
        missing: &'static str,
    },

    /// A name, title or other text is too long or empty.
    #[error("the {what} has {bytes} bytes; {limit}")]
    TextLength {
        /// Which text.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The rule.
        limit: &'static str,
    },
    /// A kind that Tidegate keeps for itself.
    #[error("the kind {0:?} is reserved")]
    KindReserved(String),
    /// A record body over the limit.
    #[error("the record has {bytes} bytes; at most {limit} are allowed")]
    RecordTooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// An attachment over the limit.
    #[error("the attachment has {bytes} bytes; at most {limit} are allowed")]
    AttachmentTooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file that is to be stored cannot be read.
    #[error("the file {} cannot be read", .path.display())]
    SourceUnreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No such device.
    #[error("the account has no device {0}")]
    DeviceUnknown(DeviceId),
    /// Only a device itself can write its file.
    #[error("device {0} is not this one")]
    OtherDevice(DeviceId),
    /// The device's file in the store changed while it was being written.
    #[error("this device's file in the store has just changed")]
    DeviceFileChanged,
    /// A file was written to while it was read.
    #[error("the file changed while it was read")]
    SourceChanged,
    /// The caller's file cannot be written.
    #[error("the file cannot be written")]
    TargetUnwritable {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An upload took longer than what it stored may be relied on.
    #[error("the upload took more than three days")]
    UploadTooSlow,
    /// No such member.
    #[error("there is no family member {0}")]
    MemberUnknown(MemberId),
    /// No such record.
    #[error("there is no record {0}")]
    RecordUnknown(RecordId),
    /// The record is of another family member.
    #[error("record {0} belongs to another family member")]
    RecordOfOtherMember(RecordId),
    /// One call cannot write a record twice: the second version would not know of the first.
    #[error("record {0} stands there twice")]
    RecordTwice(RecordId),
    /// The record was deleted.
    #[error("record {0} is deleted")]
    RecordDeleted(RecordId),
    /// No such attachment.
    #[error("there is no attachment {0}")]
    AttachmentUnknown(ContentHmac),
    /// No such change in the record's history.
    #[error("record {record} has no change {change}")]
    ChangeUnknown {
        /// The record.
        record: RecordId,
        /// The change asked for.
        change: String,
    },
    /// The content that a change names is not in the store.
    #[error("the content of {what} is not in the store")]
    ContentMissing {
        /// The record or attachment.
        what: String,
    },
    /// The content that a change names does not open or is not the one promised.
    #[error("the content of {what} does not hold: {reason}")]
    ContentDamaged {
        /// The record or attachment.
        what: String,
        /// The code of the check that failed.
        reason: String,
    },
    /// A login gave no ID token.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The service of a pump's vendor gives nothing.
    #[error(transparent)]
    Tandem(Box<SourceError>),
    /// Deletes that would take so much that a person has to say so first; everything else is synced.
    #[error("{deletes} of {records} records would be deleted on all devices")]
    MassDelete {
        /// Records that would go.
        deletes: u64,
        /// Records that there are.
        records: u64,
    },
    /// A confirmation of what was written to Apple Health that is none.
    #[error("the confirmation cannot be read: {reason}")]
    HealthConfirmation {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Receipts that were not made for this store of Apple Health and this family member.
    #[error("{unknown} of {of} receipts are not of this store of Apple Health and this family member")]
    HealthReceiptUnknown {
        /// How many.
        unknown: usize,
        /// Of how many in all.
        of: usize,
    },
    /// The engine refuses a command or stops, by its own code.
    #[error("{message}")]
    Engine {
        /// The stable code.
        code: &'static str,
        /// What to do about it.
        class: Class,
        /// One sentence.
        message: String,
    },
    /// Something that cannot be.
    #[error("this is a bug in Tidegate: {0}")]
    Bug(String),
}

impl Error {
    /// How long the other side asked to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::Unavailable { retry_after, .. } | Self::Problem { retry_after, .. } = self { *retry_after } else { None }
    }

    /// The error of an operation on a file of the home that was meant to write.
    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        if is_disk_full(&source) {
            return Self::DiskFull { path: path.to_owned() };
        }
        Self::HomeUnwritable { path: path.to_owned(), source }
    }

    pub(crate) fn bug(what: impl Into<String>) -> Self {
        Self::Bug(what.into())
    }
}

impl From<SourceError> for Error {
    /// What keeps the login is this crate: its own failures are said as such.
    fn from(error: SourceError) -> Self {
        let SourceError::Keeper(error) = error else { return Self::Tandem(Box::new(error)) };
        match error.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => Self::Tandem(Box::new(SourceError::Keeper(other))),
        }
    }
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
