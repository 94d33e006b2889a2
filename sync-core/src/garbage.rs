//! The garbage rule: what may go, and after which delay.
//!
//! Garbage is a delay, not a vote: nobody is asked, nothing is fenced. An object goes when nothing refers to it, nothing has
//! for *old*, and it is older than *old* itself. Each of the three answers a schedule that breaks without it.
//!
//! - *Nothing refers to it*, looked at after the objects were listed: a device uploads an object, then its segment. Were the
//!   segments read first, an object that is listed could be named by a segment that was not there yet.
//! - *Older than old*: a device uploads, is interrupted, and goes on three days later. What it has uploaded must still be
//!   there; after *late* it uploads again by itself.
//! - *Unreferenced for old*: a device that last read yesterday attaches a file that others have let go of meanwhile, and
//!   names the object that it knows. By the time that the object goes, everybody knows that nobody may name it any more.
//!
//! A space in which something cannot be read is left alone: what it says may refer to anything.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_protocol::{Digest, ObjectKey};

use crate::manifest::{Location, SegmentRef};
use crate::quarantine::{HoleReason, Reason, Subject};
use crate::state::{KEPT_AFTER_MS, KnownCheckpoint, KnownCheckpoints, OLD_MS, State};

/// What a state refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    whole: BTreeSet<ObjectKey>,
    ranges: BTreeMap<ObjectKey, BTreeSet<(u64, u64)>>,
    has_unknown: bool,
}

impl References {
    /// Everything at which the content of a present change lies: of heads and past, sent and unsent.
    ///
    /// Of a change that was moved its old place counts until the move is in the store: until then all others look there.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut references = Self::default();
        for present in state.changes() {
            let cid = present.change.cid;
            references.add(state.whereabouts(cid).and_then(|change| change.location.as_ref()));
            references.add(state.whereabouts_sent(cid).and_then(|change| change.location.as_ref()));
        }
        references
    }

    fn add(&mut self, location: Option<&Location>) {
        match location {
            Some(Location::Object(object)) => {
                self.whole.insert(object.key.clone());
            }
            Some(Location::Pack(pack)) => {
                self.ranges.entry(ObjectKey::clone(&pack.pack)).or_default().insert((pack.offset, pack.length));
            }
            Some(Location::Unknown(_)) => self.has_unknown = true,
            Some(Location::Inline(_)) | None => {}
        }
    }

    /// Whether anything refers to this object.
    #[must_use]
    pub fn contains(&self, key: &ObjectKey) -> bool {
        self.whole.contains(key) || self.ranges.contains_key(key)
    }

    /// How many bytes of a pack something refers to.
    #[must_use]
    pub fn live_bytes(&self, pack: &ObjectKey) -> u64 {
        let mut end = 0;
        let mut live = 0_u64;
        for (offset, length) in self.ranges.get(pack).into_iter().flatten() {
            let range_end = offset.saturating_add(*length);
            live = live.saturating_add(range_end.saturating_sub(end.max(*offset)));
            end = end.max(range_end);
        }
        live
    }

    /// Whether a change says where its content lies in words that only a later version knows.
    #[must_use]
    pub const fn has_unknown_place(&self) -> bool {
        self.has_unknown
    }
}

/// What becomes of a listed object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Something refers to it.
    InUse,
    /// It is garbage, and waits until this time, in milliseconds since 1970.
    Waits {
        /// Since when nothing is known to refer to it, in milliseconds since 1970.
        since_ms: u64,
        /// When it may go at the earliest.
        until_ms: u64,
    },
    /// It may go.
    Goes,
}

/// What becomes of an object that was listed with this time; `since_ms` is when it was first seen without a reference.
///
/// One without a time is never old. A `since_ms` ahead of now was written under a wrong clock, and one from before the
/// retention says nothing of what was named, replaced and purged since: both count from now on.
#[must_use]
pub fn fate_of_object(is_referred_to: bool, stored_at_ms: Option<u64>, since_ms: Option<u64>, now_ms: u64) -> Fate {
    if is_referred_to {
        return Fate::InUse;
    }
    let says_something = |since_ms: &u64| *since_ms <= now_ms && now_ms - since_ms < KEPT_AFTER_MS;
    let since_ms = since_ms.filter(says_something).unwrap_or(now_ms);
    let old_at_ms = stored_at_ms.map_or(u64::MAX, |at_ms| at_ms.saturating_add(OLD_MS));
    let until_ms = old_at_ms.max(since_ms.saturating_add(OLD_MS));
    if until_ms < now_ms { Fate::Goes } else { Fate::Waits { since_ms, until_ms } }
}

/// Whether something was stored longer than *old* ago, by the store's own word.
#[must_use]
pub fn is_old(stored_at_ms: Option<u64>, now_ms: u64) -> bool {
    stored_at_ms.is_some_and(|at_ms| at_ms.saturating_add(OLD_MS) < now_ms)
}

/// The checkpoints that carry what is collected: listed, older than *old*, and within no other such one.
///
/// Older than *old*, so that every device has read them, or reads them before it misses what they cover. Of a checkpoint in
/// several parts all must be: one part alone says nothing. Parts say the same of what they cover and include.
#[must_use]
pub fn carrying_checkpoints<'a>(
    known: &'a KnownCheckpoints,
    listed: &BTreeMap<Digest, Option<u64>>,
    now_ms: u64,
) -> BTreeMap<Digest, &'a KnownCheckpoint> {
    let is_listed = |digest: &Digest| listed.get(digest).is_some_and(|at_ms| is_old(*at_ms, now_ms));
    let missing: Vec<&KnownCheckpoint> = known.iter().filter(|(digest, _)| !is_listed(digest)).map(|(_, known)| known).collect();
    let is_part_of =
        |other: &KnownCheckpoint, known: &KnownCheckpoint| other.includes == known.includes && other.frontier == known.frontier;
    let is_whole = |known: &KnownCheckpoint| !missing.iter().any(|missing| is_part_of(missing, known));
    let there: BTreeMap<Digest, &KnownCheckpoint> = known
        .iter()
        .filter(|(digest, known)| is_listed(digest) && is_whole(known))
        .map(|(digest, known)| (*digest, known))
        .collect();
    let is_within = |digest: &Digest| there.iter().any(|(other, known)| other != digest && known.includes.contains(digest));
    there.iter().filter(|(digest, _)| !is_within(digest)).map(|(digest, known)| (*digest, *known)).collect()
}

/// Whether a segment may go: one of those checkpoints covers it, so nobody has to read it any more.
#[must_use]
pub fn may_segment_go(
    segment: &SegmentRef,
    stored_at_ms: Option<u64>,
    carrying: &BTreeMap<Digest, &KnownCheckpoint>,
    now_ms: u64,
) -> bool {
    is_old(stored_at_ms, now_ms) && carrying.values().any(|known| known.frontier.covers(segment))
}

/// Whether a checkpoint may go: one of those checkpoints has merged it.
#[must_use]
pub fn may_checkpoint_go(
    checkpoint: &Digest,
    stored_at_ms: Option<u64>,
    carrying: &BTreeMap<Digest, &KnownCheckpoint>,
    now_ms: u64,
) -> bool {
    let is_within = |(other, known): (&Digest, &&KnownCheckpoint)| other != checkpoint && known.includes.contains(checkpoint);
    is_old(stored_at_ms, now_ms) && carrying.iter().any(is_within)
}

/// Why nothing of a space is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hindrance {
    /// It was not listed completely.
    NotListed,
    /// A segment is missing: it may come back, and refer to anything.
    Hole,
    /// Something in it cannot be read, yet.
    Unreadable,
    /// A change lies at a place that only a later version of Tidegate knows.
    UnknownPlace,
}

impl Hindrance {
    /// The stable code of this hindrance.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotListed => "not-listed",
            Self::Hole => "hole",
            Self::Unreadable => "unreadable",
            Self::UnknownPlace => "unknown-place",
        }
    }
}

/// Whether a space may be collected at all, by what is missing in it and what is not believed.
///
/// # Errors
/// The [`Hindrance`]: then nothing in it goes.
pub fn check_space<'a>(
    references: &References,
    holes: impl IntoIterator<Item = &'a HoleReason>,
    not_believed: impl IntoIterator<Item = (&'a Subject, &'a Reason)>,
) -> Result<(), Hindrance> {
    check_read(holes, not_believed)?;
    if references.has_unknown_place() { Err(Hindrance::UnknownPlace) } else { Ok(()) }
}

/// Whether everything of a space's history that may be read some day has been read, by what is missing in it and what is not
/// believed.
///
/// # Errors
/// [`Hindrance::Hole`] or [`Hindrance::Unreadable`]: what is read later may bring anything, and refer to anything.
pub fn check_read<'a>(
    holes: impl IntoIterator<Item = &'a HoleReason>,
    not_believed: impl IntoIterator<Item = (&'a Subject, &'a Reason)>,
) -> Result<(), Hindrance> {
    if holes.into_iter().next().is_some() {
        return Err(Hindrance::Hole);
    }
    let is_unread = not_believed.into_iter().any(|(subject, reason)| may_be_believed_some_day(subject, *reason));
    if is_unread { Err(Hindrance::Unreadable) } else { Ok(()) }
}

/// Whether something of a space's history may be read some day, by this device or another, and say then what it refers to.
///
/// What is forged or points out of its space no honest device will ever believe. A checkpoint of which the store lacks a
/// part was never finished, or has gone to make room for one that includes it: it carries nothing.
const fn may_be_believed_some_day(subject: &Subject, reason: Reason) -> bool {
    let is_checkpoint = match subject {
        Subject::Segment(_) => false,
        Subject::Checkpoint(_) => true,
        Subject::Doorbell | Subject::Grant(_) | Subject::Content(_) => return false,
    };
    match reason {
        Reason::ForgedSignature | Reason::WrongSpace => false,
        Reason::MissingContent => !is_checkpoint,
        Reason::UnknownDevice
        | Reason::Corrupt
        | Reason::Malformed
        | Reason::NewerFormat
        | Reason::UnknownKey
        | Reason::AheadOfClock
        | Reason::Disagrees
        | Reason::ReplacedKeys => true,
    }
}

/// Whether a pack is worth repacking: it is old, and less than half of it is still of use.
///
/// Old, so that nothing in it waits for a segment that is on its way.
#[must_use]
pub fn is_half_empty(size: u64, live_bytes: u64, stored_at_ms: Option<u64>, now_ms: u64) -> bool {
    live_bytes > 0 && live_bytes.saturating_mul(2) < size && is_old(stored_at_ms, now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100 * OLD_MS;

    #[test]
    fn an_object_goes_only_when_unreferenced_for_old_and_old_itself() {
        let old = Some(NOW - 3 * OLD_MS);
        assert_eq!(fate_of_object(true, old, Some(0), NOW), Fate::InUse);
        assert_eq!(fate_of_object(false, old, Some(NOW - OLD_MS - 1), NOW), Fate::Goes);
        assert_eq!(fate_of_object(false, old, Some(NOW - KEPT_AFTER_MS + 1), NOW), Fate::Goes);
        assert_eq!(
            fate_of_object(false, old, Some(NOW - OLD_MS), NOW),
            Fate::Waits { since_ms: NOW - OLD_MS, until_ms: NOW },
            "not a millisecond early"
        );
        assert_eq!(fate_of_object(false, old, None, NOW), Fate::Waits { since_ms: NOW, until_ms: NOW + OLD_MS });
        let (young, since_ms) = (Some(NOW - OLD_MS), NOW - 2 * OLD_MS);
        assert_eq!(fate_of_object(false, young, Some(since_ms), NOW), Fate::Waits { since_ms, until_ms: NOW });
    }

    #[test]
    fn an_object_without_a_time_and_a_mark_that_says_nothing_wait() {
        let since_ms = NOW - 2 * OLD_MS;
        assert_eq!(fate_of_object(false, None, Some(since_ms), NOW), Fate::Waits { since_ms, until_ms: u64::MAX });
        for since_ms in [NOW + 1, NOW - KEPT_AFTER_MS, 0] {
            let fate = fate_of_object(false, Some(0), Some(since_ms), NOW);
            assert_eq!(fate, Fate::Waits { since_ms: NOW, until_ms: NOW + OLD_MS });
        }
    }

    #[test]
    fn a_pack_is_repacked_when_old_and_less_than_half_alive() {
        let old = Some(NOW - OLD_MS - 1);
        assert!(is_half_empty(1_000, 499, old, NOW));
        assert!(!is_half_empty(1_000, 500, old, NOW));
        assert!(!is_half_empty(1_000, 0, old, NOW), "that one is garbage");
        assert!(!is_half_empty(1_000, 499, Some(NOW - OLD_MS), NOW));
    }
}
