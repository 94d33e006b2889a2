//! What a caller should do about an error.

use tidegate_protocol::problem::ProblemClass;
use tidegate_tandem::source::Class as SourceClass;

use super::Error;
use crate::login::LoginError;

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

impl Error {
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
            | Self::ClockRefused { .. }
            | Self::DeviceFileChanged
            | Self::MalformedAnswer { .. }
            | Self::SourceChanged
            | Self::UploadTooSlow
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
            | Self::BrokerMissing
            | Self::NewKeysNeedBroker
            | Self::NewKeysUnsettled
            | Self::KeysChanged
            | Self::NewKeysNotPrepared { .. }
            | Self::OtherDevice(_)
            | Self::RecoveryCode(_)
            | Self::RecoveryCodeWrong { .. }
            | Self::SeveralAccounts(_)
            | Self::TextLength { .. }
            | Self::KindReserved(_)
            | Self::RecordTooLarge { .. }
            | Self::AttachmentTooLarge { .. }
            | Self::SourceUnreadable { .. }
            | Self::TargetUnwritable { .. }
            | Self::RecordOfOtherMember(_)
            | Self::RecordTwice(_)
            | Self::HealthConfirmation { .. }
            | Self::HealthReceiptUnknown { .. } => Class::Invalid,
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
            | Self::DeviceUnknown(_)
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
            Self::Tandem(error) => match error.class() {
                SourceClass::Retry | SourceClass::Unreachable | SourceClass::Locked { .. } | SourceClass::RateLimited { .. } => {
                    Class::Retry
                }
                SourceClass::Credentials => Class::Reauthenticate,
                SourceClass::Changed => Class::Invalid,
                SourceClass::Blocked => Class::Denied,
            },
            Self::Login(error) => match error {
                LoginError::Unavailable { .. } | LoginError::TimedOut | LoginError::NoPort { .. } => Class::Retry,
                LoginError::Refused { .. } | LoginError::Declined => Class::Denied,
                LoginError::NotOffered
                | LoginError::IssuerUnknown { .. }
                | LoginError::SeveralIssuers { .. }
                | LoginError::ClientMissing { .. }
                | LoginError::FlowMissing { .. } => Class::Invalid,
            },
            Self::MassDelete { .. } | Self::DeletionNotAsked => Class::Decide,
            Self::Engine { class, .. } => *class,
            Self::Database(_) | Self::Bug(_) => Class::Bug,
        }
    }
}
