//! Chains that were verified a short while ago. Filled only by chains under which a signature held, so that nobody without a
//! certificate of Apple's can put anything in.

use std::sync::{Arc, PoisonError, RwLock};

use time::{Duration, OffsetDateTime};

use crate::chain::Chain;

/// How long a verified chain is not verified again.
const LIFETIME: Duration = Duration::minutes(15);
/// Apple signs with a handful of leaves at a time.
const MOST: usize = 32;

struct Entry {
    /// Leaf and intermediate in base64, as they came; strict base64 has one text for the same bytes.
    leaf: String,
    intermediate: String,
    chain: Arc<Chain>,
    verified_at: OffsetDateTime,
}

/// Bounded; searched through, since comparing a few certificates costs less than hashing one.
#[derive(Default)]
pub(crate) struct ChainCache(RwLock<Vec<Entry>>);

impl ChainCache {
    pub(crate) fn get(&self, leaf: &str, intermediate: &str, now: OffsetDateTime) -> Option<Arc<Chain>> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter().find(|entry| entry.leaf == leaf && entry.intermediate == intermediate)?;
        entry.is_fresh(now).then(|| Arc::clone(&entry.chain))
    }

    /// Remembers a chain in place of what is stale or, if it is full, of the oldest.
    pub(crate) fn put(&self, leaf: &str, intermediate: &str, chain: &Arc<Chain>, now: OffsetDateTime) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.is_fresh(now) && !(entry.leaf == leaf && entry.intermediate == intermediate));
        while entries.len() >= MOST {
            entries.remove(0);
        }
        let (leaf, intermediate) = (leaf.to_owned(), intermediate.to_owned());
        entries.push(Entry { leaf, intermediate, chain: Arc::clone(chain), verified_at: now });
    }

    /// How many there are, stale ones included.
    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Entry {
    /// Also after the clock was set back: an entry from the future is none.
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        let age = now - self.verified_at;
        age >= Duration::ZERO && age < LIFETIME
    }
}
