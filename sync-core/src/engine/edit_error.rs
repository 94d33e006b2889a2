//! Why an edit is refused, before anything is written.

use tidegate_protocol::MemberId;

use crate::clock::ClockOverflow;
use crate::manifest::{Cid, FormatError, Target};

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such family member on this device.
    #[error("there is no family member {0} on this device")]
    UnknownMember(MemberId),
    /// The account's own key is not there yet: the device has joined and not synced.
    #[error("this device has not synced yet: the account's key is not here")]
    NotSyncedYet,
    /// There is no such record or attachment, or it is deleted.
    #[error("there is no record or attachment {0}")]
    NotFound(Target),
    /// The record has no such version on this device.
    #[error("{target} has no version {cid} on this device")]
    UnknownVersion {
        /// The record.
        target: Target,
        /// The change asked for.
        cid: Cid,
    },
    /// The version's content is not on this device; it has to be fetched first.
    #[error("the content of version {0} is not on this device")]
    ContentNotLocal(Cid),
    /// A name or content is over its cap.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// No further time can be given out.
    #[error(transparent)]
    Clock(#[from] ClockOverflow),
}

impl EditError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownMember(_) => "unknown-member",
            Self::NotSyncedYet => "not-synced-yet",
            Self::NotFound(_) => "not-found",
            Self::UnknownVersion { .. } => "unknown-version",
            Self::ContentNotLocal(_) => "content-not-local",
            Self::Format(error) => error.code(),
            Self::Clock(error) => error.code(),
        }
    }
}
