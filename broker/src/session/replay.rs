//! Proofs that were used: each proof opens one request.
//!
//! Two generations, so that nothing is ever searched for by age: an entry lives through its own and the next, which is at least as
//! long as its nonce does. A bounded set that refuses when it is full, not a cache: a cache may forget an entry, and then the proof
//! would work twice.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, PoisonError};

use tidegate_protocol::Sha256;
use time::OffsetDateTime;

use super::nonce::{NONCE_SECONDS, SKEW_SECONDS};

const GENERATION_SECONDS: i64 = NONCE_SECONDS + SKEW_SECONDS;

/// What became of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    /// Not seen before; it is now.
    Fresh,
    /// Seen before.
    Seen,
    /// No room to remember it.
    Full,
}

/// The proofs of the last minutes. Only verified ones are entered: else anyone could fill it.
pub(crate) struct ReplaySet {
    most: usize,
    generations: Mutex<Generations>,
}

struct Generations {
    began: i64,
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
}

impl ReplaySet {
    /// `most`: entries of one generation.
    pub(crate) fn new(most: usize, now: OffsetDateTime) -> Self {
        let generations = Generations { began: now.unix_timestamp(), current: HashSet::new(), previous: HashSet::new() };
        Self { most, generations: Mutex::new(generations) }
    }

    /// Enters the proof `jti` of the key with this thumbprint.
    pub(crate) fn enter(&self, thumbprint: &Sha256, jti: &str, now: OffsetDateTime) -> Replay {
        let mut name = thumbprint.as_bytes().to_vec();
        name.extend_from_slice(jti.as_bytes());
        let entry = *Sha256::of(&name).digest().as_bytes();
        // No panic can happen between the two changes of one call.
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now.unix_timestamp());
        if generations.current.contains(&entry) || generations.previous.contains(&entry) {
            return Replay::Seen;
        }
        if generations.current.len() >= self.most {
            return Replay::Full;
        }
        generations.current.insert(entry);
        Replay::Fresh
    }
}

impl ReplaySet {
    /// Proofs that are remembered.
    pub(crate) fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.current.len() + generations.previous.len()
    }
}

impl Generations {
    fn turn(&mut self, now: i64) {
        let age = now - self.began;
        if age < GENERATION_SECONDS {
            return;
        }
        // The room of the generation that is forgotten serves the next, so that memory does not grow and shrink with every turn; no more
        // of it than the last generation needed, so that a flood is not paid for ever after.
        let mut room = mem::take(&mut self.previous);
        room.clear();
        room.shrink_to(self.current.len());
        let last = mem::replace(&mut self.current, room);
        if age < 2 * GENERATION_SECONDS {
            self.previous = last;
        }
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    fn key(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    #[test]
    fn a_proof_is_remembered_for_as_long_as_its_nonce_is_good() {
        for first in 0..GENERATION_SECONDS {
            let set = ReplaySet::new(10, NOW);
            let entered = NOW + Duration::seconds(first);
            assert_eq!(set.enter(&key(1), "a", entered), Replay::Fresh);
            for second in (1..=GENERATION_SECONDS).step_by(7).chain([GENERATION_SECONDS]) {
                assert_eq!(set.enter(&key(1), "a", entered + Duration::seconds(second)), Replay::Seen, "{first} {second}");
            }
        }
    }

    #[test]
    fn keys_do_not_share_their_jtis() {
        let set = ReplaySet::new(10, NOW);
        assert_eq!(set.enter(&key(1), "a", NOW), Replay::Fresh);
        assert_eq!(set.enter(&key(2), "a", NOW), Replay::Fresh);
        assert_eq!(set.enter(&key(1), "b", NOW), Replay::Fresh);
    }

    #[test]
    fn room_is_used_again_and_that_of_a_flood_is_given_back() {
        let turn = Duration::seconds(GENERATION_SECONDS);
        let set = ReplaySet::new(100_000, NOW);
        let capacity = |generation: i32, entries: u32| {
            for entry in 0..entries {
                assert_eq!(set.enter(&key(1), &format!("{generation}-{entry}"), NOW + turn * generation), Replay::Fresh);
            }
            let generations = set.generations.lock().unwrap();
            generations.current.capacity() + generations.previous.capacity()
        };
        let flood = capacity(0, 10_000);
        let steady: Vec<usize> = (1..6).map(|generation| capacity(generation, 100)).collect();
        assert!(steady[2..].iter().all(|room| *room == steady[2] && *room < flood / 10), "{flood} {steady:?}");
        assert_eq!(set.len(), 200);
    }

    #[test]
    fn a_full_set_refuses_and_recovers() {
        let set = ReplaySet::new(2, NOW);
        assert_eq!(set.enter(&key(1), "a", NOW), Replay::Fresh);
        assert_eq!(set.enter(&key(1), "b", NOW), Replay::Fresh);
        assert_eq!(set.enter(&key(1), "c", NOW), Replay::Full);
        assert_eq!(set.enter(&key(1), "a", NOW), Replay::Seen);
        assert_eq!(set.enter(&key(1), "c", NOW + Duration::seconds(GENERATION_SECONDS)), Replay::Fresh);
    }
}
