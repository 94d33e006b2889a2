//! What is not believed, and why; and what is missing. Everything else goes on syncing.

use serde::{Deserialize, Serialize};
use tidegate_protocol::{DeviceId, Digest, GrantId, Space};

use crate::envelope::{OpenError, SignedError};
use crate::keys::GrantError;
use crate::manifest::{Cid, FormatError, SegmentRef};

/// Why something is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its signature does not fit: it was altered, or is not by the device under whose name it lies.
    ForgedSignature,
    /// The account has not certified the device that signed it.
    UnknownDevice,
    /// It belongs to another space, or points into one.
    WrongSpace,
    /// Its bytes are not those that its name or the manifest promises, or they do not open.
    Corrupt,
    /// It opens and is signed, but is not the document that it has to be.
    Malformed,
    /// Written by a later version of Tidegate.
    NewerFormat,
    /// Sealed under a key that this device does not have.
    UnknownKey,
    /// Made more than 24 hours ahead of the store's clock; it waits until it is not.
    AheadOfClock,
    /// The object that should hold the content is not in the store.
    MissingContent,
    /// It claims to have merged what is merged here, and shows other edits.
    Disagrees,
    /// Signed under keys of the account that were replaced. What an honest device has signed so comes by its first checkpoint under
    /// the new keys.
    ReplacedKeys,
}

impl Reason {
    /// The stable code of this reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ForgedSignature => "forged-signature",
            Self::UnknownDevice => "unknown-device",
            Self::WrongSpace => "wrong-space",
            Self::Corrupt => "corrupt",
            Self::Malformed => "malformed",
            Self::NewerFormat => "newer-format",
            Self::UnknownKey => "unknown-key",
            Self::AheadOfClock => "ahead-of-clock",
            Self::MissingContent => "missing-content",
            Self::Disagrees => "disagrees",
            Self::ReplacedKeys => "replaced-keys",
        }
    }

    /// The reason whose code this is.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [
            Self::ForgedSignature,
            Self::UnknownDevice,
            Self::WrongSpace,
            Self::Corrupt,
            Self::Malformed,
            Self::NewerFormat,
            Self::UnknownKey,
            Self::AheadOfClock,
            Self::MissingContent,
            Self::Disagrees,
            Self::ReplacedKeys,
        ];
        all.into_iter().find(|reason| reason.code() == code)
    }
}

/// What is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A segment.
    Segment(SegmentRef),
    /// The space's doorbell.
    Doorbell,
    /// A checkpoint.
    Checkpoint(Digest),
    /// A grant.
    Grant(GrantId),
    /// The content of a change.
    Content(Cid),
}

/// Something that was not believed when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarantined {
    /// The space that it lies in.
    pub space: Space,
    /// What it is.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
    /// When it is worth looking again, in milliseconds since 1970.
    pub retry_at_ms: u64,
}

impl Quarantined {
    /// The device under whose name it lies, where it lies under one.
    #[must_use]
    pub const fn device_id(&self) -> Option<DeviceId> {
        match self.subject {
            Subject::Segment(segment) => Some(segment.device_id),
            Subject::Doorbell | Subject::Checkpoint(_) | Subject::Grant(_) | Subject::Content(_) => None,
        }
    }
}

/// How a missing segment was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoleReason {
    /// The next segment of its chain names it as its predecessor.
    PrevMissing,
    /// A segment of another device says that it has merged it.
    SeenMissing,
    /// The doorbell or a listing names it, but it cannot be fetched.
    NamedMissing,
}

impl HoleReason {
    /// The stable code of this reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PrevMissing => "prev-missing",
            Self::SeenMissing => "seen-missing",
            Self::NamedMissing => "named-missing",
        }
    }

    /// The reason whose code this is.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::PrevMissing, Self::SeenMissing, Self::NamedMissing].into_iter().find(|reason| reason.code() == code)
    }
}

/// A segment that must exist and cannot be found: the store withholds it, or went back in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hole {
    /// The space.
    pub space: Space,
    /// The missing segment.
    pub segment: SegmentRef,
    /// How it was noticed.
    pub reason: HoleReason,
}

impl From<&OpenError> for Reason {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::UnknownVersion { .. }
            | OpenError::UnknownKind { .. }
            | OpenError::UnknownFlags { .. }
            | OpenError::UnknownSuite { .. } => Self::NewerFormat,
            OpenError::WrongSpace { .. } => Self::WrongSpace,
            OpenError::UnknownKey { .. } => Self::UnknownKey,
            OpenError::NotAnEnvelope
            | OpenError::Truncated
            | OpenError::WrongLength { .. }
            | OpenError::WrongKind { .. }
            | OpenError::CommitmentMismatch
            | OpenError::ChunkMoved { .. }
            | OpenError::TrailingData
            | OpenError::Tampered { .. }
            | OpenError::TooLarge { .. }
            | OpenError::BadPadding
            | OpenError::BadCompression
            | OpenError::WindowTooLarge { .. }
            | OpenError::LengthMismatch => Self::Corrupt,
        }
    }
}

impl From<&SignedError> for Reason {
    fn from(error: &SignedError) -> Self {
        match error {
            SignedError::Envelope(error) => Self::from(error),
            SignedError::Malformed => Self::Malformed,
            SignedError::Certificate(_) | SignedError::UnknownAuthor { .. } => Self::UnknownDevice,
            SignedError::ReplacedKeys { .. } => Self::ReplacedKeys,
            SignedError::OtherDevice | SignedError::BadSignature => Self::ForgedSignature,
        }
    }
}

impl From<&FormatError> for Reason {
    fn from(error: &FormatError) -> Self {
        match error {
            FormatError::Newer { .. } => Self::NewerFormat,
            FormatError::TooLarge { .. } | FormatError::Malformed { .. } => Self::Malformed,
        }
    }
}

impl From<&GrantError> for Reason {
    fn from(error: &GrantError) -> Self {
        match error {
            GrantError::UnknownVersion(_) => Self::NewerFormat,
            GrantError::OtherGrant { .. }
            | GrantError::NotAGrant
            | GrantError::Header(_)
            | GrantError::DoesNotOpen
            | GrantError::KeyDigestMismatch => Self::Corrupt,
            GrantError::BadSignature | GrantError::OtherOwner { .. } | GrantError::EpochTooGreat { .. } => Self::ForgedSignature,
            GrantError::OtherOwnerKey => Self::ReplacedKeys,
            GrantError::OtherRecipient { .. } | GrantError::OtherRecipientKey => Self::UnknownKey,
        }
    }
}
