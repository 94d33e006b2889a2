//! The way out: a sealed content from the store, bounded by what its kind may have.

use bytes::Bytes;
use tidegate_protocol::ObjectKey;

use super::{MAX_ATTACHMENT_BYTES, MAX_RECORD_BYTES};
use crate::error::Error;
use crate::transport::{GetOptions, GetOutcome, Transport};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The longest object that may lie under this key, in bytes: the content, its padding and its seal.
pub(crate) const fn limit_of(key: &ObjectKey) -> u64 {
    let content = match key {
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::State(_) => 16 * KIB,
        ObjectKey::Doorbell { .. } => 256 * KIB,
        ObjectKey::Pack { .. } => 4 * MIB,
        ObjectKey::Segment { .. } => 8 * MIB,
        ObjectKey::Record { .. } => MAX_RECORD_BYTES,
        ObjectKey::Checkpoint { .. } => 64 * MIB,
        ObjectKey::Attachment { .. } => MAX_ATTACHMENT_BYTES,
    };
    // Padmé adds at most 12 % to short contents and less to long ones; the chunks' tags and the header are in the rest.
    content + content / 8 + 64 * KIB
}

/// The stored bytes of a content. Sealed as they are: whoever opens them checks them.
pub(crate) async fn fetch(transport: &dyn Transport, key: &ObjectKey, range: Option<(u64, u64)>) -> Result<Bytes, Error> {
    let range = range.map(|(first, length)| first..first.saturating_add(length));
    let options = GetOptions { if_none_match: None, range, limit: limit_of(key) };
    match transport.get(key, &options).await? {
        GetOutcome::Found(fetched) => Ok(fetched.body),
        GetOutcome::NotModified | GetOutcome::Missing => Err(Error::ContentMissing { what: what(key) }),
    }
}

fn what(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Record { record, .. } => format!("record {record}"),
        ObjectKey::Attachment { hmac, .. } => format!("attachment {hmac}"),
        ObjectKey::Genesis { .. }
        | ObjectKey::PublicKeys { .. }
        | ObjectKey::MasterKeys { .. }
        | ObjectKey::AccessGrant { .. }
        | ObjectKey::DeviceFile { .. }
        | ObjectKey::Segment { .. }
        | ObjectKey::Checkpoint { .. }
        | ObjectKey::Doorbell { .. }
        | ObjectKey::Pack { .. }
        | ObjectKey::State(_) => key.to_string(),
    }
}
