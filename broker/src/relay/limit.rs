//! How often in an hour. Counted in memory, by each replica for itself, under names that only this process can make again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;
use time::{Duration, OffsetDateTime};

/// Names that are remembered: beyond, nobody new is served, or the map would grow without bound.
const MOST_NAMES: usize = 100_000;
const HOUR: Duration = Duration::HOUR;

/// When there were acts, by name.
type Acts = HashMap<[u8; 32], Vec<OffsetDateTime>>;

/// A number of acts for each name within any hour.
pub(super) struct HourlyLimit {
    most: usize,
    key: hmac::Key,
    acts: Mutex<Acts>,
}

impl HourlyLimit {
    pub(super) fn new(most: u32) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new());
        let key = key.expect("the operating system has random bytes");
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), key, acts: Mutex::default() }
    }

    /// Counts an act; an error, and nothing counted, if the hour has no room: the seconds until it has.
    pub(super) fn take(&self, parts: &[&[u8]], now: OffsetDateTime) -> Result<(), u32> {
        let name = self.name(parts);
        // Looked at and counted in one step: of many at once no more pass than there is room for.
        let mut acts = self.acts();
        self.room_for(&mut acts, &name, now)?;
        acts.entry(name).or_default().push(now);
        Ok(())
    }

    /// Whether the hour has room; else the seconds until it has.
    pub(super) fn room(&self, parts: &[&[u8]], now: OffsetDateTime) -> Result<(), u32> {
        self.room_for(&mut self.acts(), &self.name(parts), now)
    }

    fn room_for(&self, acts: &mut Acts, name: &[u8; 32], now: OffsetDateTime) -> Result<(), u32> {
        if acts.len() >= MOST_NAMES {
            acts.retain(|_, times| times.iter().any(|at| now - *at < HOUR));
        }
        let Some(times) = acts.get_mut(name) else {
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
        if let Some(times) = self.acts().get_mut(&self.name(parts)) {
            times.pop();
        }
    }

    fn acts(&self) -> MutexGuard<'_, Acts> {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn of_many_at_once_no_more_pass_than_there_is_room_for() {
        let limit = HourlyLimit::new(3);
        let now = datetime!(2026-11-22 10:00 UTC);
        for round in 0..200_u32 {
            let name = round.to_be_bytes();
            let start = std::sync::Barrier::new(8);
            let take = || {
                start.wait();
                limit.take(&[&name], now).is_ok()
            };
            let passed = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
                all.into_iter().filter_map(|one| one.join().ok()).filter(|passed| *passed).count()
            });
            assert_eq!(passed, 3);
        }
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
