//! The name of a content: HMAC-SHA256 under a key that is fixed per space, so that deduplication survives key rotation and
//! the store cannot tell whether two accounts hold the same file.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::CryptoRng;
use sha2::Sha256;
use tidegate_protocol::{ContentHmac, RecordId};
use zeroize::Zeroizing;

use super::derive::derive;

const RECORD_ID_LABEL: &str = "tidegate/derived-record-id/v1";
const SAMPLE_NAMES_LABEL: &str = "tidegate/sample-names/v1";

/// The key under which a space's contents are named; it travels beside the space key in every grant.
#[derive(Clone)]
pub struct AttachmentKey(Zeroizing<[u8; 32]>);

impl AttachmentKey {
    /// Draws a fresh key, once in the life of a space.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    pub(crate) const fn from_secret(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(secret)
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of a content held in memory.
    #[must_use]
    pub fn content_hmac(&self, content: &[u8]) -> ContentHmac {
        let mut hasher = self.hasher();
        hasher.update(content);
        hasher.finish()
    }

    /// The id of a record that all devices write without having agreed on one: by what it is about, each part of it under its
    /// length. Under a key of its own, so that no content has such a name, and the store cannot guess what a record is about.
    #[must_use]
    pub fn record_id(&self, about: &[&str]) -> RecordId {
        let key = derive::<32>(self.0.as_slice(), None, RECORD_ID_LABEL);
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
        for part in about {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        RecordId::new(uuid::Builder::from_custom_bytes(id).into_uuid())
    }

    /// The key under which a family member's samples are named for others: Apple Health, Nightscout, files. No epoch changes it, so a
    /// sample keeps its name there for ever.
    #[must_use]
    pub fn sample_names_key(&self) -> Zeroizing<[u8; 32]> {
        derive::<32>(self.0.as_slice(), None, SAMPLE_NAMES_LABEL)
    }

    /// Starts naming a content that is read in pieces.
    #[must_use]
    pub fn hasher(&self) -> ContentHasher {
        ContentHasher(Hmac::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length"))
    }
}

impl fmt::Debug for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachmentKey(***)")
    }
}

/// Names a content piece by piece.
#[derive(Clone)]
pub struct ContentHasher(Hmac<Sha256>);

impl ContentHasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The name of all pieces together.
    #[must_use]
    pub fn finish(self) -> ContentHmac {
        ContentHmac::from_bytes(self.0.finalize().into_bytes().into())
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentHasher(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_record_id_is_hmac_under_a_derived_key_over_parts_with_their_lengths() {
        let key = AttachmentKey::from_secret(Zeroizing::new([7; 32]));
        assert_ne!(key.sample_names_key().as_slice(), key.secret());
        assert_eq!(key.record_id(&["ab", "c"]).to_string(), "4a27ae63-c2dc-807b-afc7-414e1b291084");
        assert_ne!(key.record_id(&["ab", "c"]), key.record_id(&["a", "bc"]));
        assert_ne!(key.record_id(&["ab", "c"]), AttachmentKey::from_secret(Zeroizing::new([8; 32])).record_id(&["ab", "c"]));
    }
}
