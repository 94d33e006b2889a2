//! Listings, in pages, and behind the times where the store is of that kind.

use tidegate_protocol::{ListPrefix, Sha256};
use tidegate_sync_core::engine::{ListedObject, Outcome};
use tidegate_sync_core::manifest::Timestamp;

use super::memory::MemoryStore;

/// Small, so that listings have several pages.
const PAGE: usize = 5;

/// What a listing shows of an object: its length and when it was written.
struct Entry {
    size: u64,
    last_modified: Timestamp,
}

impl MemoryStore {
    /// One page. A store that is behind shows each key late by a time of its own, and what it cannot read as if it could.
    pub(super) fn list(&mut self, prefix: &ListPrefix, token: Option<&str>, now_ms: u64) -> Outcome {
        let prefix = prefix.to_string();
        let after = token.unwrap_or_default();
        let mut page: Vec<(String, Entry)> = Vec::new();
        let mut next = None;
        let keys = self.keys_below(&prefix);
        for key in keys.iter().filter(|key| key.as_str() > after) {
            let Some(entry) = self.entry(key, now_ms) else { continue };
            if page.len() == PAGE {
                next = page.last().map(|(last, _)| last.clone());
                break;
            }
            page.push((key.clone(), entry));
        }
        let entries = page.into_iter().filter_map(|(key, entry)| {
            Some(ListedObject { key: key.parse().ok()?, size: entry.size, last_modified: Some(entry.last_modified) })
        });
        Outcome::Listed { entries: entries.collect(), next }
    }

    fn keys_below(&self, prefix: &str) -> std::collections::BTreeSet<String> {
        let there = self.objects.range(prefix.to_owned()..).map(|(key, _)| key);
        let removed = self.removed.range(prefix.to_owned()..).map(|(key, _)| key);
        let torn = self.torn.range(prefix.to_owned()..).map(|(key, _)| key);
        let below = |key: &&String| key.starts_with(prefix);
        there.take_while(below).chain(removed.take_while(below)).chain(torn.take_while(below)).cloned().collect()
    }

    fn entry(&mut self, key: &str, now_ms: u64) -> Option<Entry> {
        let behind_ms = self.behind_ms(key);
        if let Some(object) = self.objects.get(key) {
            let is_seen = object.first_written_ms + behind_ms <= now_ms;
            self.stale_entries += u64::from(!is_seen);
            return is_seen.then_some(Entry { size: object.bytes.len() as u64, last_modified: object.last_modified });
        }
        if let Some((object, removed_ms)) = self.removed.get(key)
            && removed_ms + behind_ms > now_ms
        {
            self.stale_entries += 1;
            return Some(Entry { size: object.bytes.len() as u64, last_modified: object.last_modified });
        }
        self.torn.get(key).map(|torn_ms| Entry { size: 1, last_modified: Timestamp::from_millis(*torn_ms) })
    }

    /// How long this key's comings and goings stay unseen.
    fn behind_ms(&self, key: &str) -> u64 {
        if self.is_calm || self.character.stale_ms == 0 {
            return 0;
        }
        let [first, second, ..] = *Sha256::of(key.as_bytes()).as_bytes();
        u64::from(u16::from_be_bytes([first, second])) * self.character.stale_ms / u64::from(u16::MAX)
    }
}
