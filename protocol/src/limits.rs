//! How large a stored object may be, by kind: the broker signs no more, and a client that writes more is stopped before it seals.
//!
//! All are bytes as stored, so envelope and padding included. Records, packs and attachments, whose content is
//! allowed to reach a round size, have room for that on top.

use crate::genesis::MAX_GENESIS_BYTES;
use crate::key::ObjectKey;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Genesis, key blobs, access grants and device files.
pub const MAX_KEY_FILE_BYTES: u64 = MAX_GENESIS_BYTES as u64;
/// Content of one version of a record.
pub const MAX_RECORD_CONTENT_BYTES: u64 = 16 * MIB;
/// One version of a record: its content, sealed. Padme rounds 16 MiB and the length field up to 16.5 MiB.
pub const MAX_RECORD_BYTES: u64 = MAX_RECORD_CONTENT_BYTES + MIB;
/// One sync's changes of one device.
pub const MAX_SEGMENT_BYTES: u64 = 8 * MIB;
/// The merged view of a space.
pub const MAX_DOORBELL_BYTES: u64 = 256 * KIB;
/// A whole state of a space.
pub const MAX_CHECKPOINT_BYTES: u64 = 64 * MIB;
/// Content of the largest pack.
pub const MAX_PACK_CONTENT_BYTES: u64 = 4 * MIB;
/// The largest pack: its content, sealed.
pub const MAX_PACK_BYTES: u64 = MAX_PACK_CONTENT_BYTES + MIB;
/// Content of the largest attachment that is uploaded by one PUT.
pub const MAX_SINGLE_PUT_CONTENT_BYTES: u64 = 64 * MIB;
/// The largest attachment that is uploaded by one PUT: Padme rounds 64 MiB and the length field up to 66 MiB, tags and header
/// add 17 KiB.
pub const MAX_SINGLE_PUT_BYTES: u64 = MAX_SINGLE_PUT_CONTENT_BYTES + 3 * MIB;

/// The most bytes that the object of this key may hold; 0 for the broker's own state, which no client writes.
#[must_use]
pub const fn max_stored_bytes(key: &ObjectKey) -> u64 {
    match key {
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. } => MAX_KEY_FILE_BYTES,
        ObjectKey::Segment { .. } => MAX_SEGMENT_BYTES,
        ObjectKey::Checkpoint { .. } => MAX_CHECKPOINT_BYTES,
        ObjectKey::Doorbell { .. } => MAX_DOORBELL_BYTES,
        ObjectKey::Record { .. } => MAX_RECORD_BYTES,
        ObjectKey::Attachment { .. } => MAX_SINGLE_PUT_BYTES,
        ObjectKey::Pack { .. } => MAX_PACK_BYTES,
        ObjectKey::State(_) => 0,
    }
}
