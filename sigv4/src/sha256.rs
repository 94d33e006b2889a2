//! SHA-256 over many small pieces, on the compression function of the `sha2` crate.

use sha2::block_api::compress256;
use zeroize::Zeroize;

pub(crate) const BLOCK: usize = 64;

/// The state between two blocks.
pub(crate) type State = [u32; 8];

/// FIPS 180-4 section 5.3.3.
const INITIAL: State = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A SHA-256 that gathers `CAPACITY` bytes, whole blocks, on the stack before it compresses them at once.
///
/// `sha2::Sha256` gathers one block, which dozens of small pieces pay for; here each costs a copy.
/// There are always fewer than `CAPACITY` bytes gathered, so that the padding can begin.
#[derive(Clone)]
pub(crate) struct Sha256<const CAPACITY: usize> {
    state: State,
    gathered: [u8; CAPACITY],
    len: usize,
    /// Bytes compressed already.
    done: u64,
}

impl<const CAPACITY: usize> Sha256<CAPACITY> {
    pub(crate) fn new() -> Self {
        Self::resume(INITIAL, 0)
    }

    /// Goes on after `done` bytes, whole blocks, that led to `state`.
    pub(crate) fn resume(state: State, done: u64) -> Self {
        const { assert!(CAPACITY >= BLOCK && CAPACITY.is_multiple_of(BLOCK), "whole blocks") };
        Self { state, gathered: [0; CAPACITY], len: 0, done }
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if end < CAPACITY {
            self.gathered[self.len..end].copy_from_slice(bytes);
            self.len = end;
        } else {
            self.push_over_capacity(bytes);
        }
    }

    #[cold]
    fn push_over_capacity(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CAPACITY - self.len));
            self.gathered[self.len..self.len + now.len()].copy_from_slice(now);
            self.len += now.len();
            bytes = later;
            if self.len == CAPACITY {
                self.compress(CAPACITY);
                self.len = 0;
            }
        }
    }

    /// Compresses the whole blocks gathered so far, for a state that is cloned and finished many times.
    pub(crate) fn settle(&mut self) {
        let whole = self.len / BLOCK * BLOCK;
        self.compress(whole);
        self.gathered.copy_within(whole..self.len, 0);
        self.len -= whole;
    }

    /// The state, where nothing is gathered.
    pub(crate) fn into_state(self) -> State {
        debug_assert_eq!(self.len, 0, "a state stands between two blocks");
        self.state
    }

    /// Pads by FIPS 180-4 section 5.1.1: a one bit, zeros, and the length in bits in the last 8 bytes.
    pub(crate) fn finish(mut self) -> [u8; 32] {
        let bits = (self.done + self.len as u64) * 8;
        self.gathered[self.len] = 0x80;
        self.len += 1;
        if CAPACITY - self.len < size_of_val(&bits) {
            self.gathered[self.len..].fill(0);
            self.compress(CAPACITY);
            self.len = 0;
        }
        let end = (self.len + size_of_val(&bits)).next_multiple_of(BLOCK);
        let (padding, length) = self.gathered[self.len..end].split_at_mut(end - self.len - size_of_val(&bits));
        padding.fill(0);
        length.copy_from_slice(&bits.to_be_bytes());
        self.compress(end);
        to_bytes(&self.state)
    }

    /// Compresses the first `end` bytes, whole blocks.
    fn compress(&mut self, end: usize) {
        let (blocks, _) = self.gathered[..end].as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.done += end as u64;
    }
}

impl<const CAPACITY: usize> Zeroize for Sha256<CAPACITY> {
    fn zeroize(&mut self) {
        self.state.zeroize();
        self.gathered.zeroize();
    }
}

fn to_bytes(state: &State) -> [u8; 32] {
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use sha2::Digest;

    use super::*;

    fn assert_equals_sha2<const CAPACITY: usize>(pieces: &[Vec<u8>], settled: bool) {
        let mut hasher = Sha256::<CAPACITY>::new();
        for piece in pieces {
            hasher.push(piece);
            if settled {
                hasher.settle();
            }
        }
        let whole = pieces.concat();
        let expected: [u8; 32] = sha2::Sha256::digest(&whole).into();
        assert_eq!(hasher.finish(), expected, "{} bytes, capacity {CAPACITY}, settled {settled}", whole.len());
    }

    fn assert_equals_sha2_in_every_size(pieces: &[Vec<u8>]) {
        for settled in [false, true] {
            assert_equals_sha2::<64>(pieces, settled);
            assert_equals_sha2::<192>(pieces, settled);
            assert_equals_sha2::<1024>(pieces, settled);
        }
    }

    #[test]
    fn every_length_over_two_buffers_is_padded_right() {
        for len in 0..=2_200 {
            assert_equals_sha2_in_every_size(&[vec![b'a'; len]]);
        }
    }

    proptest! {
        #[test]
        fn pieces_hash_as_their_concatenation(pieces in vec(vec(any::<u8>(), 0..200), 0..16)) {
            assert_equals_sha2_in_every_size(&pieces);
        }
    }
}
