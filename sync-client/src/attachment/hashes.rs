//! What an attachment's object hashes to: all of it, or part by part where it goes up in parts.

use sha2::Digest as _;
use tidegate_protocol::Sha256;
use tidegate_protocol::limits::MAX_SINGLE_PUT_CONTENT_BYTES;
use tidegate_protocol::multipart::{PartHasher, composite_sha256};

/// Whether a content of so many bytes goes up in parts.
pub(crate) const fn goes_in_parts(size: u64) -> bool {
    size > MAX_SINGLE_PUT_CONTENT_BYTES
}

/// Hashes the stored bytes of an attachment, from pieces of any size.
pub(crate) enum ObjectHasher {
    Whole(sha2::Sha256),
    Parts(PartHasher),
}

/// The hashes of an object: one of all of it, or one a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectHashes {
    pub(crate) in_parts: bool,
    pub(crate) hashes: Vec<Sha256>,
}

impl ObjectHasher {
    /// For the object of a content of so many bytes.
    pub(crate) fn new(size: u64) -> Self {
        if goes_in_parts(size) { Self::Parts(PartHasher::new()) } else { Self::Whole(sha2::Sha256::new()) }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Whole(hasher) => hasher.update(piece),
            Self::Parts(hasher) => hasher.update(piece),
        }
    }

    pub(crate) fn finish(self) -> ObjectHashes {
        match self {
            Self::Whole(hasher) => ObjectHashes { in_parts: false, hashes: vec![Sha256::from_bytes(hasher.finalize().into())] },
            Self::Parts(hasher) => ObjectHashes { in_parts: true, hashes: hasher.finish().parts },
        }
    }
}

impl ObjectHashes {
    /// What the change carries, and the key begins with.
    pub(crate) fn sha256(&self) -> Sha256 {
        match self.hashes.first() {
            Some(whole) if !self.in_parts => *whole,
            Some(_) | None => composite_sha256(&self.hashes),
        }
    }
}
