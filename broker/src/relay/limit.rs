//! How often in an hour. Counted in memory, by each replica for itself, under names that only this process can make again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use time::{Duration, OffsetDateTime};

/// Names that are remembered: beyond, nobody new is served, or the map would grow without bound.
const MOST_NAMES: usize = 100_000;
const HOUR: Duration = Duration::HOUR;

/// A number of acts for each name within any hour.
pub(super) struct HourlyLimit {
    most: usize,
    key: hmac::Key,
    acts: Mutex<HashMap<[u8; 32], Vec<OffsetDateTime>>>,
}

impl HourlyLimit {
    pub(super) fn new(most: u32) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new());
        let key = key.expect("the operating system has random bytes");
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), key, acts: Mutex::default() }
    }

    /// Counts an act; an error, and nothing counted, if the hour has no room: the seconds until it has.
    pub(super) fn take(&self, parts: &[&[u8]], now: OffsetDateTime) -> Result<(), u32> {
        self.room(parts, now)?;
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.entry(self.name(parts)).or_default().push(now);
        Ok(())
    }

    /// Whether the hour has room; else the seconds until it has.
    pub(super) fn room(&self, parts: &[&[u8]], now: OffsetDateTime) -> Result<(), u32> {
        let name = self.name(parts);
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        if acts.len() >= MOST_NAMES {
            acts.retain(|_, times| times.iter().any(|at| now - *at < HOUR));
        }
        let Some(times) = acts.get_mut(&name) else {
            return if acts.len() < MOST_NAMES { Ok(()) } else { Err(60) };
        };
        times.retain(|at| now - *at < HOUR);
        match times.len().checked_sub(self.most).and_then(|past| times.get(past)) {
            None => Ok(()),
            Some(first) => Err(u32::try_from((HOUR - (now - *first)).whole_seconds()).unwrap_or(3600).max(1)),
        }
    }

    /// Takes an act back that came to nothing.
    pub(super) fn give_back(&self, parts: &[&[u8]]) {
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = acts.get_mut(&self.name(parts)) {
            times.pop();
        }
    }

    fn name(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.sign().as_ref());
        name
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_hour_has_room_for_so_many_acts_of_a_name() {
        let limit = HourlyLimit::new(2);
        let start = datetime!(2026-11-22 10:00 UTC);
        let at = |minutes: i64| start + Duration::minutes(minutes);
        assert_eq!(limit.take(&[b"a"], at(0)), Ok(()));
        assert_eq!(limit.take(&[b"a"], at(10)), Ok(()));
        assert_eq!(limit.take(&[b"a"], at(20)), Err(40 * 60));
        assert_eq!(limit.take(&[b"b"], at(20)), Ok(()));
        assert_eq!(limit.take(&[b"a"], at(60)), Ok(()));
        assert_eq!(limit.take(&[b"a"], at(61)), Err(9 * 60));
        limit.give_back(&[b"a"]);
        assert_eq!(limit.take(&[b"a"], at(61)), Ok(()));
    }

    #[test]
    fn parts_of_a_name_do_not_run_together() {
        let limit = HourlyLimit::new(1);
        let now = datetime!(2026-11-22 10:00 UTC);
        assert_eq!(limit.take(&[b"ab", b"c"], now), Ok(()));
        assert_eq!(limit.take(&[b"a", b"bc"], now), Ok(()));
        assert!(limit.take(&[b"a", b"bc"], now).is_err());
    }
}
