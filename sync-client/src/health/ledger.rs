//! The ledger of one store of Apple Health: which version of which sample was written there.
//!
//! It rolls: what is old goes, by whole days, and a floor rises behind it. What ended below the floor is not handed over any more. So
//! forgetting never leads to writing twice.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::Confirmed;

/// A ledger keeps about so many entries; it has more where a single confirmation, or a single day, does.
pub const LEDGER_ENTRIES: usize = 5_000;
/// A ledger goes back so many days.
pub const LEDGER_DAYS: i64 = 370;

pub(super) const DAY_MS: i64 = 86_400_000;

/// The name of a sample in a ledger: half of an HMAC over its id.
pub(super) type EntryId = [u8; 16];

/// One version of a sample that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) version: u32,
    /// When the sample ended, in milliseconds since 1970; of one that was withdrawn, when the event was that it was named after.
    pub(super) ended_ms: i64,
}

/// The ledger of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// What ended before is not handed over.
    pub(super) floor_ms: i64,
    /// The greatest versions that were written, by the day (since 1970, UTC) on which the sample ended.
    pub(super) days: BTreeMap<i64, BTreeMap<EntryId, u32>>,
}

/// The day of an instant, since 1970.
pub(super) const fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

impl Ledger {
    pub(super) const fn new(floor_ms: i64) -> Self {
        Self { floor_ms, days: BTreeMap::new() }
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.days.values().all(BTreeMap::is_empty)
    }

    /// The version that was written, if any was.
    pub(super) fn version(&self, id: &EntryId) -> Option<u32> {
        self.days.values().filter_map(|day| day.get(id)).max().copied()
    }

    /// Takes up what was written. What stands in it in a greater version stays.
    pub(super) fn record(&mut self, batch: &[Entry]) -> (Confirmed, Vec<Entry>) {
        let (mut counts, mut added) = (Confirmed::default(), Vec::new());
        for entry in batch {
            if entry.ended_ms < self.floor_ms {
                counts.stale += 1;
            } else if self.version(&entry.id).is_some_and(|known| known >= entry.version) {
                counts.already += 1;
            } else {
                self.days.entry(day_of(entry.ended_ms)).or_default().insert(entry.id, entry.version);
                counts.confirmed += 1;
                added.push(*entry);
            }
        }
        (counts, added)
    }

    /// Forgets what is too old or too much, oldest day first, and raises the floor behind it; no day on which something of the current
    /// batch ended.
    pub(super) fn evict(&mut self, now_ms: i64, current: &[Entry]) {
        let protected: BTreeSet<i64> = current.iter().map(|entry| day_of(entry.ended_ms)).collect();
        let first_protected = protected.first().copied().unwrap_or(i64::MAX);
        let too_old = |day: i64| day < day_of(now_ms - LEDGER_DAYS * DAY_MS);
        while let Some((&day, _)) = self.days.first_key_value() {
            let is_too_much = self.days.values().map(BTreeMap::len).sum::<usize>() > LEDGER_ENTRIES;
            if day >= first_protected || !(too_old(day) || is_too_much) {
                break;
            }
            self.days.remove(&day);
            self.floor_ms = self.floor_ms.max((day + 1) * DAY_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = DAY_MS / 2;

    fn entry(number: u32, version: u32, day: i64) -> Entry {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Entry { id, version, ended_ms: day * DAY_MS + NOON }
    }

    fn entries(numbers: std::ops::Range<u32>, day: i64) -> Vec<Entry> {
        numbers.map(|number| entry(number, 1, day)).collect()
    }

    #[test]
    fn a_greater_version_is_recorded_and_a_lesser_one_changes_nothing() {
        let mut ledger = Ledger::new(0);
        let confirm = |ledger: &mut Ledger, version| ledger.record(&[entry(7, version, 100)]).0;
        assert_eq!(confirm(&mut ledger, 2), Confirmed { confirmed: 1, ..Confirmed::default() });
        assert_eq!(confirm(&mut ledger, 2), Confirmed { already: 1, ..Confirmed::default() });
        assert_eq!(confirm(&mut ledger, 1), Confirmed { already: 1, ..Confirmed::default() });
        assert_eq!(ledger.version(&entry(7, 0, 0).id), Some(2));
        assert_eq!(confirm(&mut ledger, 3).confirmed, 1);
        assert_eq!(ledger.version(&entry(7, 0, 0).id), Some(3));
    }

    #[test]
    fn what_ended_below_the_floor_is_stale() {
        let mut ledger = Ledger::new(100 * DAY_MS);
        assert_eq!(ledger.record(&[entry(1, 1, 99)]).0.stale, 1);
        assert_eq!(ledger.days.len(), 0);
    }

    #[test]
    fn the_oldest_days_go_and_the_floor_rises_behind_them() {
        let mut ledger = Ledger::new(0);
        for day in 100..110 {
            ledger.record(&entries((day as u32 - 100) * 600..(day as u32 - 99) * 600, day));
        }
        let current = entries(9_000..9_001, 110);
        ledger.record(&current);
        ledger.evict(111 * DAY_MS, &current);
        // 6,001 entries: two days are too much.
        assert_eq!(ledger.days.keys().copied().collect::<Vec<_>>(), (102..=110).collect::<Vec<_>>());
        assert_eq!(ledger.floor_ms, 102 * DAY_MS);
        // What was forgotten does not come back, under any version.
        assert_eq!(ledger.record(&[entry(0, 9, 100)]).0.stale, 1);
    }

    #[test]
    fn the_current_batch_stays_however_much_and_old_it_is() {
        let mut ledger = Ledger::new(0);
        let current = entries(0..6_000, 100);
        ledger.record(&current);
        ledger.evict(900 * DAY_MS, &current);
        assert_eq!((ledger.days[&100].len(), ledger.floor_ms), (6_000, 0));
        // The next one makes room.
        let next = entries(7_000..7_001, 890);
        ledger.record(&next);
        ledger.evict(900 * DAY_MS, &next);
        assert_eq!(ledger.days.keys().copied().collect::<Vec<_>>(), [890]);
        assert_eq!(ledger.floor_ms, 101 * DAY_MS);
    }

    #[test]
    fn a_year_and_five_days_are_kept() {
        let mut ledger = Ledger::new(0);
        ledger.record(&[entry(1, 1, 1_000), entry(2, 1, 1_001), entry(3, 1, 1_371)]);
        ledger.evict(1_371 * DAY_MS, &[entry(3, 1, 1_371)]);
        assert_eq!(ledger.days.keys().copied().collect::<Vec<_>>(), [1_001, 1_371]);
    }
}
