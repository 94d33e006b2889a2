//! The stable codes of errors: scripts and support rely on them.

use super::Error;

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
            Self::ClockRefused { .. } => "clock-refused",
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
            Self::MassDelete { .. } => "mass-delete",
            Self::Engine { code, .. } => code,
            Self::Bug(_) => "internal",
        }
    }
}
