//! Listing: the truth behind the doorbell. It is read at joining, once a day, and whenever the doorbell is not to be trusted.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::{ListPrefix, ObjectKey, Space};

use super::effect::Effect;
use super::event::{ListedObject, Outcome};
use super::pull::Bell;
use super::sync::{Listing, Phase, Task, Turn};
use crate::manifest::{SegmentRef, Timestamp};
use crate::state::{BACKSTOP_MS, FRESH_MS};

/// Whether a space has to be listed now.
///
/// `listed_at_ms` is when its last complete listing began; a time ahead of now counts for nothing, for the clock was
/// corrected since. Once a day is what heals a doorbell that lost a ring whose author never came back, or that the store
/// has set back to an older version.
const fn is_due(listed_at_ms: Option<u64>, now_ms: u64, within_ms: u64) -> bool {
    match listed_at_ms {
        None => true,
        Some(listed_at_ms) => listed_at_ms > now_ms || now_ms - listed_at_ms >= within_ms,
    }
}

impl Turn<'_> {
    pub(super) fn list_due(&mut self) {
        let bell_is_gone = match &self.sync.bell {
            // A doorbell that was there and is gone: nothing that it named in the meantime is known.
            Bell::Absent => self.account.doorbell.etag.is_some(),
            Bell::Unread | Bell::Unchanged | Bell::Read { .. } | Bell::Unreadable { .. } => false,
        };
        let within_ms = match &self.sync.bell {
            Bell::Unread | Bell::Unchanged | Bell::Read { .. } => BACKSTOP_MS,
            Bell::Absent | Bell::Unreadable { .. } => FRESH_MS,
        };
        let wanted = std::mem::take(&mut self.sync.to_list);
        for space in self.account.open_spaces() {
            let listed_at_ms = self.account.space(space).listed_at_ms;
            let for_collecting = self.is_collecting() && !self.sync.spaces_listed.contains(&space);
            let due = wanted.contains(&space) || bell_is_gone || for_collecting || is_due(listed_at_ms, self.now_ms, within_ms);
            if due && !self.sync.listed.contains_key(&space) {
                self.list_space(space);
            }
        }
        self.sync.phase = Phase::Checkpoints;
    }

    fn list_space(&mut self, space: Space) {
        let listing = Listing { began_ms: self.now_ms, folders_left: 2, segments: BTreeMap::new(), checkpoints: BTreeSet::new() };
        self.sync.listing.insert(space, listing);
        self.list_devices(space, None);
        self.list_checkpoints(space, None);
    }

    fn list_devices(&mut self, space: Space, token: Option<String>) {
        self.emit(Effect::List { prefix: ListPrefix::Devices(space), token }, Task::ListDevices(space));
    }

    fn list_checkpoints(&mut self, space: Space, token: Option<String>) {
        self.emit(Effect::List { prefix: ListPrefix::Checkpoints(space), token }, Task::ListCheckpoints(space));
    }

    pub(super) fn devices_listed(&mut self, space: Space, outcome: Outcome) {
        let (entries, next) = match outcome.listed() {
            Ok(page) => page,
            Err(class) => return self.sync.fail("list-devices", class),
        };
        self.note_listed(space, &entries);
        let of_entry = |entry: &ListedObject| Some((SegmentRef::from_key(space, &entry.key)?, entry.last_modified));
        let segments: Vec<(SegmentRef, Option<Timestamp>)> = entries.iter().filter_map(of_entry).collect();
        for (segment, _) in &segments {
            // The store did not have it when it was asked, and lists it now: it is asked once more.
            if self.sync.absent.remove(&(space, *segment)) {
                self.sync.asked.remove(&(space, *segment));
            }
            self.want(space, *segment);
        }
        if let Some(listing) = self.sync.listing.get_mut(&space) {
            listing.segments.extend(segments);
        }
        match next {
            Some(token) => self.list_devices(space, Some(token)),
            None => self.folder_listed(space),
        }
    }

    pub(super) fn checkpoints_listed(&mut self, space: Space, outcome: Outcome) {
        let (entries, next) = match outcome.listed() {
            Ok(page) => page,
            Err(class) => return self.sync.fail("list-checkpoints", class),
        };
        self.note_listed(space, &entries);
        for entry in &entries {
            let ObjectKey::Checkpoint { space: found, digest } = entry.key else { continue };
            if found != space {
                continue;
            }
            if let Some(listing) = self.sync.listing.get_mut(&space) {
                listing.checkpoints.insert(digest);
            }
            self.want_checkpoint(space, digest, entry.last_modified);
        }
        match next {
            Some(token) => self.list_checkpoints(space, Some(token)),
            None => self.folder_listed(space),
        }
    }

    fn folder_listed(&mut self, space: Space) {
        let Some(listing) = self.sync.listing.get_mut(&space) else { return };
        listing.folders_left -= 1;
        if listing.folders_left > 0 {
            return;
        }
        if let Some(listing) = self.sync.listing.remove(&space) {
            self.sync.spaces_listed.insert(space);
            self.sync.spaces_to_consider.insert(space);
            self.sync.listed.insert(space, listing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_is_listed_at_joining_daily_and_after_the_clock_was_set_back() {
        assert!(is_due(None, 5, BACKSTOP_MS));
        assert!(!is_due(Some(5), 5 + BACKSTOP_MS - 1, BACKSTOP_MS));
        assert!(is_due(Some(5), 5 + BACKSTOP_MS, BACKSTOP_MS));
        assert!(is_due(Some(6), 5, BACKSTOP_MS));
    }
}
