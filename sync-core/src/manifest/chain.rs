//! Segments in their chains: names, and the causal order in which they are applied.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidegate_protocol::{ChainId, DeviceId, Digest, ObjectKey, Space};

use super::segment::Segment;
use super::timestamp::Timestamp;
use crate::planted::{self, Bug};

/// One chain of one device. The device belongs to the name: a device can write below its own folder alone, so nobody can
/// cover another device's segments by taking its chain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chain {
    /// The device that writes it.
    pub device_id: DeviceId,
    /// Its random id.
    pub chain: ChainId,
}

/// One stored segment. Two segments that claim one number (clones of a device) differ in their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentRef {
    /// The device that wrote it.
    pub device_id: DeviceId,
    /// The chain.
    pub chain: ChainId,
    /// Its number, from 1.
    pub seq: u64,
    /// Digest of the stored bytes.
    pub digest: Digest,
}

impl SegmentRef {
    /// The chain that it belongs to.
    #[must_use]
    pub const fn of_chain(&self) -> Chain {
        Chain { device_id: self.device_id, chain: self.chain }
    }

    /// Its key in a space.
    #[must_use]
    pub const fn key(&self, space: Space) -> ObjectKey {
        ObjectKey::Segment { space, device: self.device_id, chain: self.chain, seq: self.seq, digest: self.digest }
    }

    /// The segment that this key names in this space, if it names one.
    #[must_use]
    pub fn from_key(space: Space, key: &ObjectKey) -> Option<Self> {
        let ObjectKey::Segment { space: found, device, chain, seq, digest } = key else { return None };
        (*found == space && *seq > 0).then_some(Self { device_id: *device, chain: *chain, seq: *seq, digest: *digest })
    }
}

/// Which segment brought a change, and when the store took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The segment.
    #[serde(flatten)]
    pub segment: SegmentRef,
    /// Its LastModified, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<Timestamp>,
}

/// The segments directly before this one: its predecessor in its chain, and all that its author had seen.
#[must_use]
pub fn missing_before(segment: &Segment, is_there: impl Fn(&SegmentRef) -> bool) -> BTreeSet<SegmentRef> {
    segment.predecessor().into_iter().chain(segment.seen.iter().copied()).filter(|before| !is_there(before)).collect()
}

/// Orders fetched segments so that each comes after everything in the set that it has seen.
///
/// Without it a change can be applied before the one it replaces, and what a purge has taken away could come back behind it.
/// Should segments claim to have seen each other, which honest devices cannot make, the rest of them follows in the order
/// of their names.
#[must_use]
pub fn causal_order<S: Borrow<Segment>>(segments: &BTreeMap<SegmentRef, S>) -> Vec<SegmentRef> {
    if planted::is(Bug::OutOfCausalOrder) {
        return segments.keys().copied().collect();
    }
    let mut waits: BTreeMap<SegmentRef, BTreeSet<SegmentRef>> = segments
        .iter()
        .map(|(name, segment)| (*name, segment.borrow()))
        .map(|(name, segment)| (name, segment.predecessor().into_iter().chain(segment.seen.iter().copied())))
        .map(|(name, before)| (name, before.filter(|before| *before != name && segments.contains_key(before)).collect()))
        .collect();
    let mut followers: BTreeMap<SegmentRef, BTreeSet<SegmentRef>> = BTreeMap::new();
    for (name, before) in &waits {
        for earlier in before {
            followers.entry(*earlier).or_default().insert(*name);
        }
    }
    let mut ready: BTreeSet<SegmentRef> = waits.iter().filter(|(_, before)| before.is_empty()).map(|(name, _)| *name).collect();
    let mut order = Vec::with_capacity(segments.len());
    while let Some(next) = ready.pop_first() {
        waits.remove(&next);
        order.push(next);
        for follower in followers.remove(&next).unwrap_or_default() {
            let Some(before) = waits.get_mut(&follower) else { continue };
            before.remove(&next);
            if before.is_empty() {
                ready.insert(follower);
            }
        }
    }
    order.extend(waits.into_keys());
    order
}
