//! The cache: attachments that can be fetched again leave the device, those used longest ago first, until the rest fits the limit.

use std::collections::BTreeMap;

use tidegate_protocol::{ContentHmac, Space};

use crate::device::Device;
use crate::error::Error;

/// What was taken from the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Number of attachments.
    pub attachments: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Takes attachments from the device until those that are left have at most `limit` bytes together. What waits to be sent
/// stays, however much it is.
pub(crate) fn evict(device: &Device, limit: u64) -> Result<Evicted, Error> {
    let kept = device.folder().kept();
    let mut total: u64 = kept.iter().map(|kept| kept.length).sum();
    let mut evicted = Evicted::default();
    if total <= limit {
        return Ok(evicted);
    }
    let spaces: BTreeMap<ContentHmac, Space> =
        device.read(|state| state.database.files())?.into_iter().map(|(space, hmac)| (hmac, space)).collect();
    for kept in kept {
        if total <= limit {
            break;
        }
        let Some(space) = spaces.get(&kept.hmac) else { continue };
        if device.remove_file(*space, kept.hmac)? {
            total = total.saturating_sub(kept.length);
            evicted.attachments += 1;
            evicted.bytes += kept.length;
        }
    }
    Ok(evicted)
}
