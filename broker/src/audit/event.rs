//! What is traced.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{DeviceId, ObjectKey, UserId};
use time::OffsetDateTime;

/// One thing that was done for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    #[serde(with = "timestamp")]
    pub(crate) at: OffsetDateTime,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    #[serde(flatten)]
    pub(crate) action: Action,
}

/// What it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(crate) enum Action {
    /// A session was opened, with this scope.
    SessionOpened { scope: String },
    /// A session was renewed.
    SessionRenewed,
    /// The device's session ended before its time: `logged-out`, `renewal-reused`.
    SessionEnded { reason: String },
    /// The device revoked a device of its account for good.
    DeviceRevoked { revoked: DeviceId },
    /// URLs were signed; `refused` others were not.
    UrlsSigned { urls: Vec<Signed>, refused: u64 },
    /// Temporary credentials were made for so many prefixes.
    CredentialsIssued { prefixes: u64 },
    /// An upload in parts was begun.
    UploadCreated { kind: String },
    /// An upload in parts became an object.
    UploadCompleted { kind: String },
    /// An upload in parts was given up.
    UploadAborted { kind: String },
    /// So many objects were deleted; which, a document of its own says.
    ObjectsDeleted { count: u64 },
    /// The account's keys were replaced by those of this generation.
    KeysReplaced { generation: u32 },
    /// Somebody whose identity leads to the account asked that it lead to another.
    ResetAsked,
    /// The identity leads to another account.
    ResetMoved,
    /// The account is being deleted. A line alone: nothing of it is written into the bucket any more.
    AccountDeletionBegun,
    /// Everything of the account was deleted; by the last time nothing remains.
    AccountSwept { is_last: bool },
}

/// URLs of one method and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) method: String,
    pub(crate) kind: String,
    pub(crate) count: u64,
}

impl Event {
    /// Takes in a later event of the same device that only adds to its numbers; gives it back if it is another thing.
    pub(super) fn absorb(&mut self, later: Self) -> Option<Self> {
        let is_same_minute = (later.at - self.at).whole_seconds() < 60;
        if self.device != later.device || !is_same_minute {
            return Some(later);
        }
        let (Action::UrlsSigned { urls, refused }, Action::UrlsSigned { urls: more, refused: also }) =
            (&mut self.action, &later.action)
        else {
            return Some(later);
        };
        *refused += also;
        for signed in more {
            match urls.iter_mut().find(|known| known.method == signed.method && known.kind == signed.kind) {
                Some(known) => known.count += signed.count,
                None => urls.push(signed.clone()),
            }
        }
        None
    }
}

/// The kind of an object: a word of ours, and nothing of its name.
pub(crate) const fn kind_of(key: &ObjectKey) -> &'static str {
    match key {
        ObjectKey::Genesis { .. } => "genesis",
        ObjectKey::PublicKeys { .. } => "public-keys",
        ObjectKey::MasterKeys { .. } => "master-keys",
        ObjectKey::AccessGrant { .. } => "access-grant",
        ObjectKey::DeviceFile { .. } => "device-file",
        ObjectKey::Segment { .. } => "segment",
        ObjectKey::Checkpoint { .. } => "checkpoint",
        ObjectKey::Doorbell { .. } => "doorbell",
        ObjectKey::Record { .. } => "record",
        ObjectKey::Attachment { .. } => "attachment",
        ObjectKey::Pack { .. } => "pack",
        ObjectKey::State(_) => "state",
    }
}
