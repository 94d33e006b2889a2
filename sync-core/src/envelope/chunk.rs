//! AES-256-GCM in STREAM chunks (Hoang et al., "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
//! CRYPTO 2015): the nonce says which chunk it is and whether it is the last, so chunks cannot be moved, dropped or added.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Plaintext bytes of every chunk but the last.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Length of a chunk's tag in bytes.
pub(crate) const TAG_BYTES: usize = 16;
/// Length of every sealed chunk but the last, in bytes.
pub(crate) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The place of a chunk in its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) counter: u32,
    pub(crate) last: bool,
}

impl Place {
    /// Seven zero bytes, the counter, the last flag. The key is the object's alone, so the nonce need not be random.
    fn nonce(self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(self.last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The cipher of one object. Its key comes from a salt, so it seals one content only.
pub(crate) struct ChunkCipher(LessSafeKey);

impl ChunkCipher {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes")))
    }

    /// Seals `plaintext` into `sealed`, which is 16 bytes longer.
    pub(crate) fn seal(&self, place: Place, plaintext: &[u8], sealed: &mut [u8]) {
        let (body, tag) = sealed.split_at_mut(plaintext.len());
        self.0
            .seal_out_of_place_scatter(place.nonce(), Aad::empty(), plaintext, body, &[], tag)
            .expect("a chunk is within the limits of AES-GCM");
    }

    /// Opens `sealed` into `plaintext`, which is 16 bytes shorter; `false` where it is not authentic at this place.
    #[must_use]
    pub(crate) fn open(&self, place: Place, sealed: &[u8], plaintext: &mut [u8]) -> bool {
        let Some((body, tag)) = sealed.split_last_chunk::<TAG_BYTES>() else { return false };
        self.0.open_separate_gather(place.nonce(), Aad::empty(), body, tag, plaintext).is_ok()
    }
}

/// Number of chunks that hold so many bytes of payload; at least one.
pub(crate) const fn chunk_count(payload: u64) -> u64 {
    let chunks = payload.div_ceil(CHUNK_BYTES as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// The payload inside so many bytes of chunks, or `None` where no payload seals to that length.
pub(crate) fn payload_len(sealed: u64) -> Option<u64> {
    let chunks = sealed.div_ceil(SEALED_CHUNK_BYTES as u64).max(1);
    let payload = sealed.checked_sub(chunks * TAG_BYTES as u64)?;
    (chunk_count(payload) == chunks).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 13 and 14: AES-256, zero key and nonce,
    /// which is the place of a first chunk that is not the last.
    #[test]
    fn the_first_chunk_is_sealed_as_the_published_aes_256_gcm_vectors() {
        let cipher = ChunkCipher::new(&[0; 32]);
        let place = Place { counter: 0, last: false };
        for (plaintext, expected) in [
            (vec![], "530f8afbc74536b9a963b4f1c4cb738b"),
            (vec![0; 16], "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        ] {
            let mut sealed = vec![0; plaintext.len() + TAG_BYTES];
            cipher.seal(place, &plaintext, &mut sealed);
            assert_eq!(hex::encode(&sealed), expected);
            let mut opened = vec![0xff; plaintext.len()];
            assert!(cipher.open(place, &sealed, &mut opened));
            assert_eq!(opened, plaintext);
            assert!(!cipher.open(Place { counter: 0, last: true }, &sealed, &mut opened));
            assert!(!cipher.open(Place { counter: 1, last: false }, &sealed, &mut opened));
        }
    }

    #[test]
    fn lengths_of_payload_and_chunks_are_inverse_to_each_other() {
        for payload in (0..100).chain(65_500..65_700).chain(131_000..131_200) {
            let sealed = payload + chunk_count(payload) * TAG_BYTES as u64;
            assert_eq!(payload_len(sealed), Some(payload));
        }
        // A tag without a byte before it makes no further chunk.
        assert_eq!(payload_len(SEALED_CHUNK_BYTES as u64 + TAG_BYTES as u64), None);
        assert_eq!(payload_len(TAG_BYTES as u64 - 1), None);
    }
}
