//! The digests of a body, computed while it is received.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};

/// Digests beyond MD5 and SHA-256 that a request asked to have checked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WantedDigests {
    pub(crate) crc32: bool,
    pub(crate) crc32c: bool,
    pub(crate) crc64nvme: bool,
    pub(crate) sha1: bool,
}

/// Computes the digests of a body piece by piece.
pub(crate) struct Digester {
    md5: Md5,
    others: ChecksumHasher,
    length: u64,
}

impl Digester {
    pub(crate) fn new(wanted: WantedDigests) -> Self {
        let others = ChecksumHasher {
            crc32: wanted.crc32.then(Crc32::new),
            crc32c: wanted.crc32c.then(Crc32c::new),
            crc64nvme: wanted.crc64nvme.then(Crc64Nvme::new),
            sha1: wanted.sha1.then(Sha1::new),
            sha256: Some(Sha256::new()),
        };
        Self { md5: Md5::new(), others, length: 0 }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.md5.update(piece);
        self.others.update(piece);
        self.length += piece.len() as u64;
    }

    pub(crate) fn finish(self) -> BodyDigests {
        let md5: [u8; 16] = self.md5.finalize();
        let others = self.others.finalize();
        BodyDigests {
            length: self.length,
            etag: hex::encode(md5),
            md5: STANDARD.encode(md5),
            sha256: others.checksum_sha256.unwrap_or_default(),
            sha1: others.checksum_sha1,
            crc32: others.checksum_crc32,
            crc32c: others.checksum_crc32c,
            crc64nvme: others.checksum_crc64nvme,
        }
    }
}

/// Digests of a whole body, in base64 but for the ETag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyDigests {
    /// Bytes.
    pub(crate) length: u64,
    /// MD5 in lower-case hex, without quotes.
    pub(crate) etag: String,
    pub(crate) md5: String,
    pub(crate) sha256: String,
    pub(crate) sha1: Option<String>,
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_the_published_ones() {
        let mut digester = Digester::new(WantedDigests { crc32: true, crc32c: true, crc64nvme: false, sha1: true });
        digester.update(b"a");
        digester.update(b"bc");
        let digests = digester.finish();
        assert_eq!(digests.length, 3);
        assert_eq!(digests.etag, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(digests.sha1.as_deref(), Some("qZk+NkcGgWq6PiVxeFDCbJzQ2J0="));
        assert_eq!(digests.crc32.as_deref(), Some("NSRBwg=="));
        assert_eq!(digests.crc32c.as_deref(), Some("Nks/tw=="));
        assert_eq!(digests.crc64nvme, None);
    }
}
