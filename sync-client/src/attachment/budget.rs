//! How many bytes of attachments may be on their way at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A permit stands for so many bytes.
const PERMIT_BYTES: u64 = 64 * 1024;

/// Bytes that are shared by all who reserve some. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    semaphore: Arc<Semaphore>,
    permits: u32,
}

/// Bytes that are on their way until this is dropped.
pub(crate) type Reservation = OwnedSemaphorePermit;

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let permits = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX / 8).max(1);
        Self { semaphore: Arc::new(Semaphore::new(permits as usize)), permits }
    }

    /// Waits until so many bytes may be on their way; more than the budget go alone. Whoever came first is first.
    pub(crate) async fn reserve(&self, bytes: u64) -> Option<Reservation> {
        // The semaphore is never closed; without permits the request would merely be one more at a time.
        Arc::clone(&self.semaphore).acquire_many_owned(self.permits_for(bytes)).await.ok()
    }

    /// So many bytes, if they are free and nobody waits for them.
    pub(crate) fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        Arc::clone(&self.semaphore).try_acquire_many_owned(self.permits_for(bytes)).ok()
    }

    fn permits_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.permits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_free_goes_to_whoever_waits_first() {
        let budget = Budget::new(4 * PERMIT_BYTES);
        let first = budget.reserve(3 * PERMIT_BYTES).await.unwrap();
        assert!(budget.try_reserve(2 * PERMIT_BYTES).is_none());
        let waits = {
            let budget = budget.clone();
            tokio::spawn(async move { budget.reserve(2 * PERMIT_BYTES).await })
        };
        tokio::task::yield_now().await;
        assert!(budget.try_reserve(PERMIT_BYTES).is_none(), "one is free, and it is waited for");
        drop(first);
        assert!(waits.await.unwrap().is_some());
        assert!(budget.reserve(1 << 40).await.is_some(), "more than there is goes alone");
    }
}
