//! All space keys that a device holds, old epochs included.

use std::collections::BTreeMap;

use tidegate_protocol::Space;

use super::member::{KeyName, SpaceKeys};

/// The space keys of a device, found by space and key name.
///
/// A space is its owner and its member together: a grant by somebody else can add keys to spaces of theirs alone, even if it
/// names a member id of ours.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: BTreeMap<(Space, KeyName), SpaceKeys>,
}

impl Keyring {
    /// An empty keyring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds keys; the same keys again change nothing.
    pub fn insert(&mut self, keys: SpaceKeys) {
        self.keys.insert((keys.space(), keys.key().name()), keys);
    }

    /// The key of this name in this space.
    #[must_use]
    pub fn get(&self, space: Space, name: KeyName) -> Option<&SpaceKeys> {
        self.keys.get(&(space, name))
    }

    /// The keys that seal new objects of a space: those of the greatest epoch, and of two in one epoch the greater digest.
    #[must_use]
    pub fn current(&self, space: Space) -> Option<&SpaceKeys> {
        // Every name under one space has that space's member, so the order is (epoch, digest).
        self.of_space(space).next_back()
    }

    /// All keys of a space, oldest epoch first.
    pub fn of_space(&self, space: Space) -> impl DoubleEndedIterator<Item = &SpaceKeys> {
        let member = super::member::member_or_nil(space);
        let first = KeyName { member, epoch: 0, digest: [0; 8] };
        let last = KeyName { member, epoch: u32::MAX, digest: [0xff; 8] };
        self.keys.range((space, first)..=(space, last)).map(|(_, keys)| keys)
    }

    /// The spaces for which there is at least one key, in order.
    #[must_use]
    pub fn spaces(&self) -> Vec<Space> {
        let mut spaces: Vec<Space> = self.keys.keys().map(|(space, _)| *space).collect();
        spaces.dedup();
        spaces
    }
}
