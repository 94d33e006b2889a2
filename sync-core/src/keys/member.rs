//! The key of a space (a family member's, or the account's own), per epoch, and its name.

use std::fmt;

use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use tidegate_protocol::{MemberId, Space};
use zeroize::Zeroizing;

use super::attachment::AttachmentKey;

const DIGEST_LABEL: &[u8] = b"tidegate/space-key-digest/v1";

/// What stands for the member in headers and grants: its id, or the nil UUID for the account space.
#[must_use]
pub const fn member_or_nil(space: Space) -> MemberId {
    match space {
        Space::Account(_) => MemberId::from_bytes([0; 16]),
        Space::Member(_, member) => member,
    }
}

/// The name of a key, readable in every envelope: member (nil for the account space), epoch, and 8 bytes of the key's hash.
///
/// The digest tells two keys of one epoch apart, which two devices may make without knowing of each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// The family member, nil for the account space.
    pub member: MemberId,
    /// The key's epoch; a revocation starts a new one.
    pub epoch: u32,
    /// First 8 bytes of SHA-256("tidegate/space-key-digest/v1" || key).
    pub digest: [u8; 8],
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.member, self.epoch, hex::encode(self.digest))
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({self})")
    }
}

/// 256 random bits that seal the objects of one space in one epoch.
#[derive(Clone)]
pub struct SpaceKey {
    name: KeyName,
    secret: Zeroizing<[u8; 32]>,
}

impl SpaceKey {
    /// Draws a fresh key for a space.
    #[must_use]
    pub fn generate(space: Space, epoch: u32, rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self::from_secret(member_or_nil(space), epoch, secret)
    }

    /// Takes up an existing key; its name follows from it.
    #[must_use]
    pub fn from_secret(member: MemberId, epoch: u32, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { name: KeyName { member, epoch, digest: key_digest(&secret) }, secret }
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> KeyName {
        self.name
    }

    /// The secret bytes, for wrapping and derivation only.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for SpaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpaceKey").field("name", &self.name).field("secret", &"***").finish()
    }
}

/// First 8 bytes of the labelled hash of a key.
pub(crate) fn key_digest(secret: &[u8; 32]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(DIGEST_LABEL).chain_update(secret).finalize();
    let mut digest = [0; 8];
    digest.copy_from_slice(&hash[..8]);
    digest
}

/// What a grant hands over: the key of a space in one epoch, and the space's attachment key, which no epoch changes.
#[derive(Clone, Debug)]
pub struct SpaceKeys {
    space: Space,
    key: SpaceKey,
    attachment_key: AttachmentKey,
}

impl SpaceKeys {
    /// Draws the first keys of a new space (epoch 0).
    #[must_use]
    pub fn generate(space: Space, rng: &mut dyn CryptoRng) -> Self {
        let key = SpaceKey::generate(space, 0, rng);
        Self { space, key, attachment_key: AttachmentKey::generate(rng) }
    }

    /// Draws the key of the next epoch; the attachment key stays, so that deduplication survives rotation.
    ///
    /// `None` after the last of 2^32 epochs.
    #[must_use]
    pub fn next_epoch(&self, rng: &mut dyn CryptoRng) -> Option<Self> {
        let epoch = self.key.name.epoch.checked_add(1)?;
        let key = SpaceKey::generate(self.space, epoch, rng);
        Some(Self { space: self.space, key, attachment_key: self.attachment_key.clone() })
    }

    pub(crate) const fn from_parts(space: Space, key: SpaceKey, attachment_key: AttachmentKey) -> Self {
        Self { space, key, attachment_key }
    }

    /// The space that these keys open.
    #[must_use]
    pub const fn space(&self) -> Space {
        self.space
    }

    /// The sealing key of this epoch.
    #[must_use]
    pub const fn key(&self) -> &SpaceKey {
        &self.key
    }

    /// The key under which attachments and contents are named.
    #[must_use]
    pub const fn attachment_key(&self) -> &AttachmentKey {
        &self.attachment_key
    }
}
