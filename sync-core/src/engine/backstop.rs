//! Listing: the truth behind the doorbell. It is read at joining, once a day, and whenever the doorbell is not to be trusted.

use tidegate_protocol::{ListPrefix, Space};

use super::effect::Effect;
use super::event::Outcome;
use super::pull::Bell;
use super::sync::{Phase, Task, Turn};
use crate::manifest::SegmentRef;
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
            let due = wanted.contains(&space) || bell_is_gone || is_due(listed_at_ms, self.now_ms, within_ms);
            if due && !self.sync.listed.contains_key(&space) {
                self.list_devices(space, None, self.now_ms);
            }
        }
        self.sync.phase = Phase::Fetch;
    }

    fn list_devices(&mut self, space: Space, token: Option<String>, began_ms: u64) {
        let prefix = ListPrefix::Devices(space);
        self.emit(Effect::List { prefix, token }, Task::ListDevices { space, began_ms });
    }

    pub(super) fn devices_listed(&mut self, space: Space, began_ms: u64, outcome: Outcome) {
        let (entries, next) = match outcome.listed() {
            Ok(page) => page,
            Err(class) => return self.sync.fail("list-devices", class),
        };
        for segment in entries.iter().filter_map(|entry| SegmentRef::from_key(space, &entry.key)) {
            // The store did not have it when it was asked, and lists it now: it is asked once more.
            self.sync.absent.remove(&(space, segment));
            self.want(space, segment);
        }
        match next {
            Some(token) => self.list_devices(space, Some(token), began_ms),
            None => {
                self.sync.listed.insert(space, began_ms);
            }
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
