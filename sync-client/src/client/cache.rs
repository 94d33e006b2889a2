//! What of the attachments is on the device.

use super::SyncClient;
use crate::attachment::{Evicted, evict};
use crate::error::Error;
use crate::home::Settings;
use crate::options::DEFAULT_CACHE_LIMIT;

/// The attachments on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheUsage {
    /// Number of attachments on the device.
    pub attachments: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// The limit in bytes; what waits to be sent may exceed it.
    pub limit: u64,
}

impl SyncClient {
    /// What the attachments on the device take.
    ///
    /// # Errors
    /// `home-unreadable`, `local-file-damaged`.
    pub fn cache_usage(&self) -> Result<CacheUsage, Error> {
        let kept = self.device.folder().kept();
        let bytes = kept.iter().map(|kept| kept.length).sum();
        Ok(CacheUsage { attachments: kept.len() as u64, bytes, limit: cache_limit(&self.device)? })
    }

    /// Keeps from now on at most so many bytes of attachments that can be fetched again, in this home; what is over it leaves
    /// the device at once.
    ///
    /// # Errors
    /// `home-unwritable`, `home-busy`, `disk-full`.
    pub fn set_cache_limit(&self, bytes: u64) -> Result<Evicted, Error> {
        let settings = Settings { cache_limit_bytes: Some(bytes) };
        {
            let _guard = self.device.lock.acquire()?;
            settings.save(&self.device.home)?;
        }
        evict(&self.device, bytes)
    }

    /// Takes every attachment from the device that can be fetched again.
    ///
    /// # Errors
    /// `home-unwritable`, `home-busy`.
    pub fn clear_cache(&self) -> Result<Evicted, Error> {
        evict(&self.device, 0)
    }
}

/// The limit that holds for a device.
pub(super) fn cache_limit(device: &crate::device::Device) -> Result<u64, Error> {
    match device.options.cache_limit {
        Some(limit) => Ok(limit),
        None => Ok(Settings::load(&device.home)?.cache_limit_bytes.unwrap_or(DEFAULT_CACHE_LIMIT)),
    }
}

/// Brings the cache back under its limit. That it cannot is no reason to fail what went before.
pub(super) fn tidy(device: &crate::device::Device) {
    if let Err(error) = cache_limit(device).and_then(|limit| evict(device, limit)) {
        tracing::debug!(code = error.code(), "the cache could not be brought under its limit");
    }
}
