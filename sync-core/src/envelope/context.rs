//! What an object has to be: bound into its key, so that it opens nowhere else.

use tidegate_protocol::account::lp;
use tidegate_protocol::{ChainId, ContentHmac, DeviceId, ObjectKey, RecordId, Space};

use super::header::Kind;
use crate::keys::member_or_nil;

/// An object's place: the space that it lies in, and its name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectContext {
    /// The space, which names the owning account too.
    pub space: Space,
    /// Which object of that space.
    pub name: ObjectName,
}

/// What an object is called within its space. Objects whose key is the hash of their bytes have no further id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectName {
    /// One version of a record, alone or within a pack.
    Record {
        /// The record.
        id: RecordId,
        /// The version that this content belongs to.
        version: u64,
    },
    /// An attachment's content.
    Attachment {
        /// HMAC of the plaintext.
        hmac: ContentHmac,
    },
    /// A pack.
    Pack,
    /// A segment of a device's chain.
    Segment {
        /// The device that wrote it.
        device: DeviceId,
        /// The chain.
        chain: ChainId,
        /// The number in the chain.
        seq: u64,
    },
    /// A checkpoint.
    Checkpoint,
    /// The space's sync-manifest.
    Doorbell,
    /// A device file.
    Device {
        /// The device.
        device: DeviceId,
    },
    /// A body in the local database, under the local-store key and always in the account space.
    Local {
        /// Table and row, as the store chooses.
        row: String,
    },
}

impl ObjectContext {
    /// The context of the object stored under this key; `None` for objects that are not envelopes (genesis, public keys,
    /// master keys, grants, the broker's state).
    #[must_use]
    pub fn of_key(key: &ObjectKey) -> Option<Self> {
        let (space, name) = match key {
            ObjectKey::DeviceFile { user, device } => (Space::Account(*user), ObjectName::Device { device: *device }),
            ObjectKey::Segment { space, device, chain, seq, digest: _ } => {
                (*space, ObjectName::Segment { device: *device, chain: *chain, seq: *seq })
            }
            ObjectKey::Checkpoint { space, digest: _ } => (*space, ObjectName::Checkpoint),
            ObjectKey::Doorbell { space } => (*space, ObjectName::Doorbell),
            ObjectKey::Record { user, member, record, version, digest: _ } => {
                (Space::Member(*user, *member), ObjectName::Record { id: *record, version: *version })
            }
            ObjectKey::Attachment { user, member, hmac, digest: _ } => {
                (Space::Member(*user, *member), ObjectName::Attachment { hmac: *hmac })
            }
            ObjectKey::Pack { user, member, digest: _ } => (Space::Member(*user, *member), ObjectName::Pack),
            ObjectKey::Genesis { .. }
            | ObjectKey::PublicKeys { .. }
            | ObjectKey::MasterKeys { .. }
            | ObjectKey::AccessGrant { .. }
            | ObjectKey::State(_) => return None,
        };
        Some(Self { space, name })
    }

    /// The kind that the object's envelope must have.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match &self.name {
            ObjectName::Record { .. } => Kind::Record,
            ObjectName::Attachment { .. } => Kind::Attachment,
            ObjectName::Pack => Kind::Pack,
            ObjectName::Segment { .. } => Kind::Segment,
            ObjectName::Checkpoint => Kind::Checkpoint,
            ObjectName::Doorbell => Kind::Doorbell,
            ObjectName::Device { .. } => Kind::Device,
            ObjectName::Local { .. } => Kind::Local,
        }
    }

    /// The device under whose name the object lies, if it lies under one.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceId> {
        match &self.name {
            ObjectName::Segment { device, .. } | ObjectName::Device { device } => Some(*device),
            ObjectName::Record { .. }
            | ObjectName::Attachment { .. }
            | ObjectName::Pack
            | ObjectName::Checkpoint
            | ObjectName::Doorbell
            | ObjectName::Local { .. } => None,
        }
    }

    /// user, space, kind, id, version: each length-prefixed, so that no two contexts give the same bytes.
    pub(crate) fn aad(&self) -> Vec<u8> {
        let (id, version) = match &self.name {
            ObjectName::Record { id, version } => (id.as_bytes().to_vec(), *version),
            ObjectName::Attachment { hmac } => (hmac.as_bytes().to_vec(), 0),
            ObjectName::Segment { device, chain, seq } => {
                ([device.as_bytes().as_slice(), &chain.as_u64().to_be_bytes(), &seq.to_be_bytes()].concat(), 0)
            }
            ObjectName::Device { device } => (device.as_bytes().to_vec(), 0),
            ObjectName::Local { row } => (row.as_bytes().to_vec(), 0),
            ObjectName::Pack | ObjectName::Checkpoint | ObjectName::Doorbell => (Vec::new(), 0),
        };
        [
            lp(self.space.owner().as_bytes()),
            lp(member_or_nil(self.space).as_bytes()),
            lp(&[self.kind().byte()]),
            lp(&id),
            lp(&version.to_be_bytes()),
        ]
        .concat()
    }
}
