//! What the shell hands back for an effect, and what a sync ends with.

use tidegate_protocol::{ObjectKey, Sha256};

use super::collected::Collected;
use crate::manifest::{ObjectLocation, Timestamp};
use crate::notice::Notice;
use crate::quarantine::{Hole, Quarantined};
use crate::state::MassDelete;

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The object. Entries whose key is not one of Tidegate's are left out by the shell.
    pub key: ObjectKey,
    /// Length in bytes.
    pub size: u64,
    /// When the store took it.
    pub last_modified: Option<Timestamp>,
}

/// Why an effect failed for good, after the shell's own retries: the class says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The store or the network did not answer, or answered 409, 429 or 5xx: later again.
    Retry,
    /// The session has ended: sign in again.
    Reauthenticate,
    /// The bytes that came are not the ones that were stored.
    Corrupt,
    /// The request is refused as it is.
    Invalid,
    /// The session may not do this.
    Denied,
    /// The device itself could not: disk full, database damaged.
    Local,
}

impl FailureClass {
    /// The stable name of this class.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reauthenticate => "reauthenticate",
            Self::Corrupt => "corrupt",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Local => "local",
        }
    }
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// `Get`: the object.
    Found {
        /// Its bytes (of the range, where one was asked for).
        bytes: Vec<u8>,
        /// Its ETag.
        etag: Option<String>,
        /// When the store took it.
        last_modified: Option<Timestamp>,
    },
    /// `Get`: it still has the ETag given (304).
    NotModified,
    /// `Get`: there is no such object. `Put` with If-Match: there is nothing to replace (404).
    NotFound,
    /// `Put`, `PutIfAbsent`: stored.
    Stored {
        /// Its ETag.
        etag: Option<String>,
        /// When the store took it: the answer's `Date` will do.
        last_modified: Option<Timestamp>,
    },
    /// `PutIfAbsent`, `Put` with If-None-Match: there is an object already (412).
    AlreadyExists,
    /// `Put` with If-Match: there is another version by now (412).
    PreconditionFailed,
    /// `Delete`: they are gone.
    Deleted,
    /// `Delete`: the others are gone.
    DeletedAllBut {
        /// What the store or the broker would not delete.
        refused: Vec<ObjectKey>,
    },
    /// `List`: one page.
    Listed {
        /// Its entries.
        entries: Vec<ListedObject>,
        /// The token of the next page, if there is one.
        next: Option<String>,
    },
    /// `Persist`: committed.
    Persisted,
    /// `LoadContent`: the plaintext.
    Loaded {
        /// The content.
        bytes: Vec<u8>,
    },
    /// `StoreAttachment`: stored.
    AttachmentStored {
        /// Where.
        location: ObjectLocation,
        /// What the key's digest begins: the hash of the stored bytes, or of their parts' hashes.
        sha256: Sha256,
    },
    /// `Sleep`: done.
    Slept,
    /// It failed for good.
    Failed(FailureClass),
}

/// What a `Get` can come to.
pub(super) enum Read {
    Found { bytes: Vec<u8>, etag: Option<String>, last_modified: Option<Timestamp> },
    NotModified,
    NotFound,
}

/// What a write can come to.
pub(super) enum Written {
    Stored {
        etag: Option<String>,
        last_modified: Option<Timestamp>,
    },
    /// The condition did not hold: something is there, or something else by now.
    AlreadyThere,
    /// There is nothing to replace, or nowhere to store it.
    Nowhere,
}

/// What an outcome means to whoever asked.
impl Outcome {
    pub(super) fn read(self) -> Result<Read, FailureClass> {
        if let Self::Found { bytes, etag, last_modified } = self {
            return Ok(Read::Found { bytes, etag, last_modified });
        }
        if self == Self::NotModified {
            return Ok(Read::NotModified);
        }
        if self == Self::NotFound { Ok(Read::NotFound) } else { Err(self.failure()) }
    }

    pub(super) fn written(self) -> Result<Written, FailureClass> {
        if let Self::Stored { etag, last_modified } = self {
            return Ok(Written::Stored { etag, last_modified });
        }
        if matches!(self, Self::AlreadyExists | Self::PreconditionFailed) {
            return Ok(Written::AlreadyThere);
        }
        if self == Self::NotFound { Ok(Written::Nowhere) } else { Err(self.failure()) }
    }

    pub(super) fn listed(self) -> Result<(Vec<ListedObject>, Option<String>), FailureClass> {
        let Self::Listed { entries, next } = self else { return Err(self.failure()) };
        Ok((entries, next))
    }

    pub(super) fn attachment_stored(self) -> Result<(ObjectLocation, Sha256), FailureClass> {
        let Self::AttachmentStored { location, sha256 } = self else { return Err(self.failure()) };
        Ok((location, sha256))
    }

    /// What was not deleted.
    pub(super) fn deleted(self) -> Result<Vec<ObjectKey>, FailureClass> {
        if let Self::DeletedAllBut { refused } = self {
            return Ok(refused);
        }
        if self == Self::Deleted { Ok(Vec::new()) } else { Err(self.failure()) }
    }

    pub(super) fn loaded(self) -> Result<Vec<u8>, FailureClass> {
        let Self::Loaded { bytes } = self else { return Err(self.failure()) };
        Ok(bytes)
    }

    /// One that the effect cannot have comes from a store that does not keep to the protocol.
    const fn failure(&self) -> FailureClass {
        if let Self::Failed(class) = self { *class } else { FailureClass::Invalid }
    }
}

/// What ended a sync early. Whatever was acknowledged is safe; the next sync goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The name of the effect that failed.
    pub effect: &'static str,
    /// What to do.
    pub class: FailureClass,
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncSummary {
    /// Changes of other devices applied.
    pub pulled: u64,
    /// Changes of this device that are in the store now and were not before.
    pub pushed: u64,
    /// Registers with conflicts now, in all spaces.
    pub conflicts: u64,
    /// All that is not believed now, found in this sync or before.
    pub quarantined: Vec<Quarantined>,
    /// All segments missing now.
    pub holes: Vec<Hole>,
    /// What a person should be told, noticed in this sync or before.
    pub notices: Vec<Notice>,
    /// Checkpoints read and merged.
    pub checkpoints_merged: u64,
    /// Checkpoints made and stored.
    pub checkpoints_made: u64,
    /// Changes purged: kept long enough.
    pub purged: u64,
    /// The spaces whose edits were not sent, because their deletes need a person's word.
    pub mass_delete: Vec<MassDelete>,
    /// What was collected, if that was asked for.
    pub collected: Option<Collected>,
    /// Where it ended early, if it did.
    pub failure: Option<Failure>,
}
