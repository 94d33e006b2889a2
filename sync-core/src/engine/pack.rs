//! Packs: many small contents, each sealed by itself, one behind the other in one object.
//!
//! Ten thousand records of 1 KiB are ten thousand requests by themselves and four as packs. Each content keeps its own seal,
//! for its own record and version, so a range of the pack opens alone and nothing else has to be read for it.

use std::sync::Arc;

use tidegate_protocol::{ObjectKey, Sha256, Space};

use super::upload::Stored;
use crate::envelope::ObjectName;
use crate::manifest::{Change, Cid, Location, ObjectLocation, PackLocation, Target};

/// Most stored bytes of a pack: what a store's single request, a phone's memory and a retry on a bad line bear well.
pub(super) const MAX_PACK_BYTES: usize = 4 << 20;

/// The longest content that travels in a pack, in bytes. A longer one is worth a request of its own.
pub(super) const MAX_PACKED_CONTENT_BYTES: u64 = 256 << 10;

/// Whether a change's content may travel in a pack. Attachments never do: they are read one by one, when somebody looks.
pub(super) const fn is_packable(change: &Change) -> bool {
    matches!(change.target, Target::Record(_)) && change.size <= MAX_PACKED_CONTENT_BYTES
}

/// One sealed content within a pack.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) cid: Cid,
    pub(super) name: ObjectName,
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) sha256: Sha256,
}

/// A pack that is being filled.
#[derive(Debug, Default)]
pub(super) struct OpenPack {
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// An object that is ready to be stored, and what it holds.
#[derive(Debug)]
pub(super) struct ReadyObject {
    pub(super) key: ObjectKey,
    pub(super) body: Vec<u8>,
    pub(super) stored: Vec<(Cid, Stored)>,
}

impl OpenPack {
    /// Whether so many bytes more still fit.
    pub(super) fn has_room_for(&self, length: usize) -> bool {
        self.items.is_empty() || self.bytes.len() + length <= MAX_PACK_BYTES
    }

    /// Adds a sealed content.
    pub(super) fn add(&mut self, cid: Cid, name: ObjectName, sealed: &[u8]) {
        let (offset, length) = (self.bytes.len(), sealed.len());
        self.bytes.extend_from_slice(sealed);
        self.items.push(Item { cid, name, offset, length, sha256: Sha256::of(sealed) });
    }

    /// The object that holds what was added: one content alone under its own name, several as a pack. `None` of an empty one,
    /// and of what has no objects (the account space).
    pub(super) fn close(self, space: Space, now_ms: u64) -> Option<ReadyObject> {
        let Space::Member(user, member) = space else { return None };
        if let [only] = self.items.as_slice() {
            let (cid, sha256) = (only.cid, only.sha256);
            let key = object_key(space, &only.name, sha256)?;
            let (length, extra) = (self.bytes.len() as u64, serde_json::Map::new());
            let location = Location::Object(Box::new(ObjectLocation { key: key.clone(), length, extra }));
            let stored = vec![(cid, Stored { location, sha256, uploaded_at_ms: Some(now_ms) })];
            return Some(ReadyObject { key, body: self.bytes, stored });
        }
        if self.items.is_empty() {
            return None;
        }
        let key = ObjectKey::Pack { user, member, digest: Sha256::of(&self.bytes).digest() };
        let pack = Arc::new(key.clone());
        let place = |item: Item| {
            let (pack, extra) = (Arc::clone(&pack), serde_json::Map::new());
            let location = PackLocation { pack, offset: item.offset as u64, length: item.length as u64, extra };
            (item.cid, Stored { location: Location::Pack(location), sha256: item.sha256, uploaded_at_ms: Some(now_ms) })
        };
        let stored = self.items.into_iter().map(place).collect();
        Some(ReadyObject { key, body: self.bytes, stored })
    }
}

/// The key of an object that holds one content.
pub(super) fn object_key(space: Space, name: &ObjectName, sha256: Sha256) -> Option<ObjectKey> {
    let Space::Member(user, member) = space else { return None };
    let digest = sha256.digest();
    match name {
        ObjectName::Record { id, version } => Some(ObjectKey::Record { user, member, record: *id, version: *version, digest }),
        ObjectName::Attachment { hmac } => Some(ObjectKey::Attachment { user, member, hmac: *hmac, digest }),
        ObjectName::Pack
        | ObjectName::Segment { .. }
        | ObjectName::Checkpoint
        | ObjectName::Doorbell
        | ObjectName::Device { .. }
        | ObjectName::Local { .. } => None,
    }
}
