//! What the engine asks its shell to do.

use tidegate_protocol::{ContentHmac, ListPrefix, ObjectKey, Space};

use super::persist::Persist;
use crate::manifest::Cid;

/// Names one effect until its outcome is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(pub(crate) u64);

/// The condition of a [`Effect::Put`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutCondition {
    /// None: the last writer wins. Asked for only where the store's profile lacks conditional writes.
    None,
    /// `If-None-Match: *`: only where nothing is stored yet.
    IfAbsent,
    /// `If-Match`: only over the version with this ETag.
    IfMatch(String),
}

/// One thing to do. Several may be outstanding; their outcomes may come in any order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read an object.
    Get {
        /// The object.
        key: ObjectKey,
        /// `If-None-Match`: answer [`super::Outcome::NotModified`] if the object still has this ETag.
        if_none_match: Option<String>,
        /// First byte and length of the part wanted; the whole object without.
        range: Option<(u64, u64)>,
    },
    /// Store an object under a key that its bytes certify. Where the store honours conditional writes the shell sends
    /// `If-None-Match: *`; "it is already there" is a success either way.
    PutIfAbsent {
        /// The object.
        key: ObjectKey,
        /// Its bytes.
        body: Vec<u8>,
    },
    /// Store an object that is overwritten: the doorbell.
    Put {
        /// The object.
        key: ObjectKey,
        /// Its bytes.
        body: Vec<u8>,
        /// The condition.
        condition: PutCondition,
    },
    /// Delete objects.
    Delete {
        /// The objects, at most 1,000.
        keys: Vec<ObjectKey>,
    },
    /// List a folder, one page.
    List {
        /// The folder.
        prefix: ListPrefix,
        /// The page to go on with, as the previous page said.
        token: Option<String>,
    },
    /// Write rows in one transaction. The engine goes on only when it is confirmed.
    Persist(Persist),
    /// Read the plaintext of a content that is on the device.
    LoadContent {
        /// The space.
        space: Space,
        /// The content's name.
        hmac: ContentHmac,
    },
    /// Store an attachment that is on the device: seal it under a salt that no other upload has, send it in a stream, and
    /// say where it lies. What an earlier try has sent may be used if that one began less than [`crate::state::LATE_MS`] ago;
    /// an older one may be about to be collected.
    StoreAttachment {
        /// The space.
        space: Space,
        /// The change that needs it.
        cid: Cid,
        /// The content's name.
        hmac: ContentHmac,
        /// The content's length in bytes.
        size: u64,
    },
    /// Wait, then hand back [`super::Outcome::Slept`].
    Sleep {
        /// Milliseconds.
        millis: u64,
    },
}

impl Effect {
    /// The stable name of this effect: what tests stop at and logs say.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Get { key, .. } => match key {
                ObjectKey::Doorbell { .. } => "get-doorbell",
                ObjectKey::Segment { .. } => "get-segment",
                ObjectKey::AccessGrant { .. } => "get-grant",
                ObjectKey::Checkpoint { .. } => "get-checkpoint",
                ObjectKey::Record { .. } | ObjectKey::Attachment { .. } | ObjectKey::Pack { .. } => "get-object",
                ObjectKey::Genesis { .. }
                | ObjectKey::PublicKeys { .. }
                | ObjectKey::MasterKeys { .. }
                | ObjectKey::DeviceFile { .. }
                | ObjectKey::State(_) => "get-account-file",
            },
            Self::PutIfAbsent { key, .. } | Self::Put { key, .. } => match key {
                ObjectKey::Doorbell { .. } => "put-doorbell",
                ObjectKey::Segment { .. } => "put-segment",
                ObjectKey::AccessGrant { .. } => "put-grant",
                ObjectKey::Checkpoint { .. } => "put-checkpoint",
                ObjectKey::Record { .. } | ObjectKey::Attachment { .. } | ObjectKey::Pack { .. } => "put-object",
                ObjectKey::Genesis { .. }
                | ObjectKey::PublicKeys { .. }
                | ObjectKey::MasterKeys { .. }
                | ObjectKey::DeviceFile { .. }
                | ObjectKey::State(_) => "put-account-file",
            },
            Self::Delete { .. } => "delete-objects",
            Self::List { prefix, .. } => match prefix {
                ListPrefix::Devices(_) => "list-devices",
                ListPrefix::Checkpoints(_) => "list-checkpoints",
                ListPrefix::AccessGrants(_) => "list-grants",
                ListPrefix::PublicKeys(_)
                | ListPrefix::MasterKeys(_)
                | ListPrefix::FamilyMembers(_)
                | ListPrefix::Records(..)
                | ListPrefix::Attachments(..)
                | ListPrefix::Packs(..) => "list-objects",
            },
            Self::Persist(batch) => batch.step.name(),
            Self::LoadContent { .. } => "load-content",
            Self::StoreAttachment { .. } => "store-attachment",
            Self::Sleep { .. } => "sleep",
        }
    }
}
