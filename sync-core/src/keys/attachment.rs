//! The name of a content: HMAC-SHA256 under a key that is fixed per space, so that deduplication survives key rotation and
//! the store cannot tell whether two accounts hold the same file.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::CryptoRng;
use sha2::Sha256;
use tidegate_protocol::ContentHmac;
use zeroize::Zeroizing;

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
