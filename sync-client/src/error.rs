//! The one error type of this crate: what happened, what class it is of, and what a person can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_protocol::problem::{ProblemClass, ProblemCode};
use tidegate_protocol::{ContentHmac, MemberId, RecordId, UserId};
use tidegate_sync_core::keys::{GenesisError, GrantError, MasterKeysError, RecoveryCodeError};

use crate::transport::Peer;

/// What a caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing is lost; try again later.
    Retry,
    /// The session has ended: sign in again.
    Reauthenticate,
    /// The world has moved on: look, decide, try again.
    Conflict,
    /// Damaged or forged data was found.
    Corrupt,
    /// The input or the set-up is wrong; repeating it will not help.
    Invalid,
    /// Not allowed; repeating it will not help.
    Denied,
    /// There is no such thing.
    NotFound,
    /// Stopped before doing harm: a person must decide first.
    Decide,
    /// A bug in Tidegate.
    Bug,
}

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
    #[error("another process has been working on {} for {} seconds", .path.display(), .waited.as_secs())]
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
    /// An invite is needed to enrol at a broker.
    #[error("enrolling at a broker needs an invite")]
    InviteMissing,

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
    /// No such member.
    #[error("there is no family member {0}")]
    MemberUnknown(MemberId),
    /// No such record.
    #[error("there is no record {0}")]
    RecordUnknown(RecordId),
    /// The record is of another family member.
    #[error("record {0} belongs to another family member")]
    RecordOfOtherMember(RecordId),
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
    /// The stable code, kebab-case, never reused.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::HomeUnwritable { .. } => "home-unwritable",
            Self::HomeUnreadable { .. } => "home-unreadable",
            Self::HomeBusy { .. } => "home-busy",
            Self::NotEnrolled { .. } => "not-enrolled",
            Self::AlreadyEnrolled { .. } => "already-enrolled",
            Self::EnrolmentDiffers { .. } => "enrolment-differs",
            Self::DiskFull { .. } => "disk-full",
            Self::FileDamaged { .. } => "local-file-damaged",
            Self::DatabaseDamaged { .. } => "local-database-damaged",
            Self::DatabaseNewer { .. } => "local-database-newer",
            Self::Database(_) => "local-database-failed",
            Self::Unreachable { peer, .. } => peer.pick("store-unreachable", "broker-unreachable"),
            Self::TimedOut { peer, .. } => peer.pick("store-timeout", "broker-timeout"),
            Self::Unavailable { peer, .. } => peer.pick("store-unavailable", "broker-unavailable"),
            Self::NotOurs { .. } => "unexpected-answer",
            Self::StoreDenied { .. } => "store-denied",
            Self::StoreRefused { .. } => "store-refused",
            Self::BucketMissing { .. } => "bucket-not-found",
            Self::MalformedAnswer { .. } => "malformed-answer",
            Self::AnswerTooLarge { .. } => "answer-too-large",
            Self::Problem { code, .. } => code.as_str(),
            Self::BrokerUrlMismatch { .. } => "broker-url-mismatch",
            Self::BrokerVersion { .. } => "broker-version",
            Self::InvalidSetting { .. } => "invalid-setting",
            Self::CredentialsMissing { .. } => "credentials-missing",
            Self::SessionMissing => "session-missing",
            Self::InviteMissing => "invite-missing",
            Self::RecoveryCode(error) => error.code(),
            Self::RecoveryCodeWrong { .. } => "recovery-code-wrong",
            Self::MasterKeys(error) => error.code(),
            Self::Genesis(error) => error.code(),
            Self::Grant(error) => error.code(),
            Self::AccountMissing => "account-missing",
            Self::SeveralAccounts(_) => "several-accounts",
            Self::AccountIncomplete { .. } => "account-incomplete",
            Self::TextLength { .. } => "text-length",
            Self::KindReserved(_) => "kind-reserved",
            Self::RecordTooLarge { .. } => "record-too-large",
            Self::AttachmentTooLarge { .. } => "attachment-too-large",
            Self::SourceUnreadable { .. } => "file-unreadable",
            Self::MemberUnknown(_) => "member-unknown",
            Self::RecordUnknown(_) => "record-unknown",
            Self::RecordOfOtherMember(_) => "record-of-other-member",
            Self::RecordDeleted(_) => "record-deleted",
            Self::AttachmentUnknown(_) => "attachment-unknown",
            Self::ChangeUnknown { .. } => "change-unknown",
            Self::ContentMissing { .. } => "content-missing",
            Self::ContentDamaged { .. } => "content-damaged",
            Self::Engine { code, .. } => code,
            Self::Bug(_) => "internal",
        }
    }

    /// What a caller should do.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::HomeBusy { .. }
            | Self::DiskFull { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Unavailable { .. }
            | Self::NotOurs { .. }
            | Self::MalformedAnswer { .. }
            | Self::AccountIncomplete { .. } => Class::Retry,
            Self::HomeUnwritable { .. }
            | Self::HomeUnreadable { .. }
            | Self::NotEnrolled { .. }
            | Self::AlreadyEnrolled { .. }
            | Self::EnrolmentDiffers { .. }
            | Self::DatabaseNewer { .. }
            | Self::StoreRefused { .. }
            | Self::BucketMissing { .. }
            | Self::BrokerUrlMismatch { .. }
            | Self::BrokerVersion { .. }
            | Self::InvalidSetting { .. }
            | Self::InviteMissing
            | Self::RecoveryCode(_)
            | Self::RecoveryCodeWrong { .. }
            | Self::SeveralAccounts(_)
            | Self::TextLength { .. }
            | Self::KindReserved(_)
            | Self::RecordTooLarge { .. }
            | Self::AttachmentTooLarge { .. }
            | Self::SourceUnreadable { .. }
            | Self::RecordOfOtherMember(_) => Class::Invalid,
            Self::FileDamaged { .. }
            | Self::DatabaseDamaged { .. }
            | Self::AnswerTooLarge { .. }
            | Self::MasterKeys(_)
            | Self::Genesis(_)
            | Self::Grant(_)
            | Self::ContentMissing { .. }
            | Self::ContentDamaged { .. } => Class::Corrupt,
            Self::StoreDenied { .. } | Self::CredentialsMissing { .. } => Class::Denied,
            Self::SessionMissing => Class::Reauthenticate,
            Self::AccountMissing
            | Self::MemberUnknown(_)
            | Self::RecordUnknown(_)
            | Self::RecordDeleted(_)
            | Self::AttachmentUnknown(_)
            | Self::ChangeUnknown { .. } => Class::NotFound,
            Self::Problem { code, .. } => match code.class() {
                ProblemClass::Retry => Class::Retry,
                ProblemClass::Reauthenticate => Class::Reauthenticate,
                ProblemClass::Conflict => Class::Conflict,
                ProblemClass::Invalid => Class::Invalid,
                ProblemClass::Denied => Class::Denied,
            },
            Self::Engine { class, .. } => *class,
            Self::Database(_) | Self::Bug(_) => Class::Bug,
        }
    }

    /// What a person can do about it, in one sentence.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::HomeUnwritable { .. } => "choose another folder with --home, or give yourself the right to write to this one",
            Self::HomeUnreadable { .. } => "give yourself the right to read this file",
            Self::HomeBusy { .. } => "wait until the other process is done, or stop it; nothing is lost",
            Self::NotEnrolled { .. } => "run 'tidegate init' to create an account or 'tidegate join' to join one",
            Self::AlreadyEnrolled { .. } => "use this account, or choose another folder with --home",
            Self::EnrolmentDiffers { .. } => {
                "repeat the set-up with the settings of the first try, or choose another folder with --home"
            }
            Self::DiskFull { .. } => "free some space and try again; nothing that was stored before is lost",
            Self::FileDamaged { .. } => {
                "put the file back from a backup, or join again from an empty folder with the recovery code"
            }
            Self::DatabaseDamaged { .. } => {
                "run 'tidegate rebuild' to make it again from the store; only edits that were never synced are lost"
            }
            Self::DatabaseNewer { .. } => "update Tidegate to the version that wrote it, or run 'tidegate rebuild'",
            Self::Database(_) => "try again; if it happens again, run 'tidegate rebuild' and report it",
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Unavailable { .. } => {
                "check the network and the address, and try again later; nothing is lost"
            }
            Self::NotOurs { .. } => {
                "sign in to the network (a hotel's or café's page may be in the way), then try again; nothing is lost"
            }
            Self::StoreDenied { .. } => "check that the access key is right and may read and write users/ in this bucket",
            Self::StoreRefused { .. } => "check the store's address, region and bucket",
            Self::BucketMissing { .. } => "check the bucket's name, or create it",
            Self::MalformedAnswer { .. } => "check the address; if it is right, try again later",
            Self::AnswerTooLarge { .. } => "the object was not written by Tidegate; find out who else writes to this bucket",
            Self::Problem { code, .. } => problem_help(*code),
            Self::BrokerUrlMismatch { .. } => "use the address that the broker calls itself, or correct its public_url",
            Self::BrokerVersion { .. } => "update Tidegate",
            Self::InvalidSetting { .. } => "correct the setting and try again",
            Self::CredentialsMissing { .. } => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Self::SessionMissing => "join again with an invite and the recovery code",
            Self::InviteMissing => "ask the broker's operator for an invite and give it with --invite-file",
            Self::RecoveryCode(_) => "check the words against what you wrote down",
            Self::RecoveryCodeWrong { .. } => "check that the code is this account's",
            Self::MasterKeys(_) | Self::Genesis(_) | Self::Grant(_) => {
                "the store does not show what this account wrote; do not go on, and find out who else can write to it"
            }
            Self::AccountMissing => "check the bucket and the user id, or create the account with 'tidegate init'",
            Self::SeveralAccounts(_) => "say which account with --user-id",
            Self::AccountIncomplete { .. } => "let the first device finish 'tidegate init', then try again",
            Self::TextLength { .. } | Self::KindReserved(_) => "choose another text",
            Self::RecordTooLarge { .. } => "store it as an attachment",
            Self::AttachmentTooLarge { .. } => "split the file, or make it smaller",
            Self::SourceUnreadable { .. } => "check the path and your right to read it",
            Self::MemberUnknown(_) => {
                "'tidegate member list' shows the members; run 'tidegate sync' if it was added on another device"
            }
            Self::RecordUnknown(_) | Self::AttachmentUnknown(_) => {
                "'tidegate list' shows what there is; run 'tidegate sync' if it was made on another device"
            }
            Self::RecordOfOtherMember(_) => "name the member that the record belongs to",
            Self::RecordDeleted(_) => "'tidegate history' shows its versions, and 'tidegate restore' brings one back",
            Self::ChangeUnknown { .. } => "'tidegate history' shows the record's changes",
            Self::ContentMissing { .. } => "sync again; if it stays away, the store has lost or withholds it",
            Self::ContentDamaged { .. } => {
                "the store does not hold what was written; restore the object from a backup of the bucket"
            }
            Self::Engine { class, .. } => engine_help(*class),
            Self::Bug(_) => "please report it, with the command that you ran",
        }
    }

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

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

const fn engine_help(class: Class) -> &'static str {
    match class {
        Class::Retry => "try again later; nothing is lost",
        Class::Reauthenticate => "sign in again",
        Class::Conflict => "sync, look at the result, and try again",
        Class::Corrupt => "'tidegate status' names what was found; the rest goes on",
        Class::Invalid => "correct the input and try again",
        Class::Denied => "ask the account's owner",
        Class::NotFound => "sync, and check the id",
        Class::Decide => "look at what would happen, and say so if it is wanted",
        Class::Bug => "please report it, with the command that you ran",
    }
}

fn problem_help(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::InviteUsedUp => "every device slot of this invite is taken: ask the broker's operator for a new invite",
        ProblemCode::InviteExpired | ProblemCode::InviteRevoked | ProblemCode::InviteInvalid => {
            "ask the broker's operator for a new invite"
        }
        ProblemCode::AccountNotFound => "this invite opens no account yet: run 'tidegate init' on the first device",
        ProblemCode::AlreadyLinked => "this invite's person already has an account: run 'tidegate join' with its recovery code",
        ProblemCode::AccountProofInvalid => "this invite belongs to another account than this device",
        ProblemCode::AccountIncomplete => "run 'tidegate init' again: it goes on where it stopped",
        ProblemCode::RenewalExpired => "the session has ended: join again with an invite",
        ProblemCode::DeviceRevoked => "this device was shut out: join again from another folder if that was a mistake",
        ProblemCode::RateLimited | ProblemCode::DailyLimit | ProblemCode::Overloaded => "wait, and try again; nothing is lost",
        ProblemCode::StoreUnavailable | ProblemCode::Timeout | ProblemCode::Internal | ProblemCode::StateConflict => {
            "try again later; nothing is lost. The broker's log names the cause"
        }
        ProblemCode::InvalidJson
        | ProblemCode::InvalidRequest
        | ProblemCode::BatchSize
        | ProblemCode::BodyTooLarge
        | ProblemCode::UnsupportedMediaType
        | ProblemCode::NotFound
        | ProblemCode::MethodNotAllowed
        | ProblemCode::KeyInvalid
        | ProblemCode::MethodInvalid
        | ProblemCode::DeleteNotSigned
        | ProblemCode::LengthMissing
        | ProblemCode::TooLarge
        | ProblemCode::Sha256Missing
        | ProblemCode::DigestMismatch
        | ProblemCode::ConditionInvalid
        | ProblemCode::ListPrefixInvalid
        | ProblemCode::ListParameterInvalid
        | ProblemCode::Unknown => "update Tidegate and the broker to versions that fit each other",
        ProblemCode::ProofMissing
        | ProblemCode::ProofInvalid
        | ProblemCode::UseDpopNonce
        | ProblemCode::ProofReplayed
        | ProblemCode::TokenMissing
        | ProblemCode::TokenInvalid
        | ProblemCode::TokenExpired
        | ProblemCode::RenewFirst => "try again; if it stays, check that the address is the broker's public URL and join again",
        ProblemCode::ScopeInsufficient | ProblemCode::NotAllowed | ProblemCode::Protected | ProblemCode::TooYoung => {
            "this is not allowed to this device"
        }
    }
}
