//! Events on their way into the bucket: one list for each user, in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{ObjectKey, StateKey, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::event::Event;
use crate::clock::day_of;

const FORMAT: &str = "tidegate/audit-batch/v1";
/// Events for which a batch is written before its time.
const LARGE: usize = 10_000;
/// Events that are kept while the store does not take them.
const MOST: usize = 100_000;

/// `_tidegate/audit/{user}/{day}/{id}.json`: what was done for one user, beside the documents of single deletions there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchDocument {
    pub(crate) format: String,
    #[serde(with = "timestamp")]
    pub(crate) at: OffsetDateTime,
    pub(crate) user: UserId,
    pub(crate) events: Vec<Event>,
}

impl BatchDocument {
    pub(crate) fn new(user: UserId, events: Vec<Event>, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), at: now, user, events }
    }

    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::State(StateKey::Audit { user: self.user, day: day_of(self.at), id: Uuid::new_v4() })
    }
}

/// What has come and is not written.
#[derive(Default)]
pub(super) struct Batches(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    by_user: HashMap<UserId, Vec<Event>>,
    count: usize,
}

impl Pending {
    fn push(&mut self, event: Event) -> bool {
        let is_full = self.count >= MOST;
        let events = self.by_user.entry(event.user).or_default();
        // A sync asks for many batches of URLs: they are one line.
        let event = match events.last_mut() {
            Some(last) => last.absorb(event),
            None => Some(event),
        };
        let Some(event) = event else { return true };
        if is_full {
            if events.is_empty() {
                self.by_user.remove(&event.user);
            }
            return false;
        }
        events.push(event);
        self.count += 1;
        true
    }
}

impl Batches {
    /// `false` if there is no room.
    pub(super) fn add(&self, event: Event) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event)
    }

    pub(super) fn take(&self) -> HashMap<UserId, Vec<Event>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).by_user
    }

    /// Takes back what could not be written, before what has come since; the number of events for which there is no room any more.
    pub(super) fn put_back(&self, user: UserId, mut events: Vec<Event>) -> usize {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = events.len().saturating_sub(MOST - pending.count.min(MOST));
        events.truncate(events.len() - lost);
        pending.count += events.len();
        let since = pending.by_user.remove(&user).unwrap_or_default();
        events.extend(since);
        pending.by_user.insert(user, events);
        lost
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    pub(super) fn is_large(&self) -> bool {
        self.len() >= LARGE
    }
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::DeviceId;
    use time::Duration;
    use time::macros::datetime;

    use super::super::event::{Action, Signed};
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 09:30 UTC);

    fn event(user: u128, seconds: i64, count: u64) -> Event {
        let urls = vec![Signed { method: "PUT".to_owned(), kind: "record".to_owned(), count }];
        Event {
            at: NOW + Duration::seconds(seconds),
            user: UserId::new(Uuid::from_u128(user)),
            device: DeviceId::new(Uuid::from_u128(user)),
            action: Action::UrlsSigned { urls, refused: 1 },
        }
    }

    #[test]
    fn urls_of_one_device_and_minute_are_one_line() {
        let batches = Batches::default();
        for (seconds, count) in [(0, 100), (30, 20), (61, 3)] {
            assert!(batches.add(event(1, seconds, count)));
        }
        assert!(batches.add(event(2, 62, 5)));
        assert_eq!(batches.len(), 3);
        let taken = batches.take();
        let first = &taken[&UserId::new(Uuid::from_u128(1))];
        let Action::UrlsSigned { urls, refused } = &first[0].action else { panic!("{first:?}") };
        assert_eq!((urls[0].count, *refused, first.len()), (120, 2, 2));
        assert_eq!(batches.len(), 0);
    }

    #[test]
    fn what_finds_no_room_is_told_and_what_comes_back_comes_first() {
        let batches = Batches::default();
        for user in 0..MOST {
            assert!(batches.add(event(user as u128, 0, 1)));
        }
        assert!(!batches.add(event(u128::MAX, 0, 1)));
        assert_eq!((batches.len(), batches.0.lock().unwrap().by_user.len()), (MOST, MOST));
        // More of what is there already takes no room.
        assert!(batches.add(event(1, 1, 1)));
        let mut taken = batches.take();
        let user = UserId::new(Uuid::from_u128(1));
        batches.add(event(1, 500, 7));
        assert_eq!(batches.put_back(user, taken.remove(&user).unwrap()), 0);
        let ats: Vec<_> = batches.take()[&user].iter().map(|event| (event.at - NOW).whole_seconds()).collect();
        assert_eq!(ats, [0, 500]);
    }
}
