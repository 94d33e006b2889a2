//! HMAC-SHA256 (RFC 2104) with a prepared key: a signature costs three blocks and no set-up.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::sha256::{BLOCK, Sha256, State};

/// A key whose inner and outer pad are hashed already.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct HmacKey {
    inner: State,
    outer: State,
}

/// A message begun: what many messages share is hashed once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct BegunMac {
    inner: Sha256<{ 3 * BLOCK }>,
    outer: State,
}

impl HmacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK]);
        if key.len() <= BLOCK {
            block[..key.len()].copy_from_slice(key);
        } else {
            let mut hasher = Sha256::<BLOCK>::new();
            hasher.push(key);
            block[..32].copy_from_slice(&hasher.finish());
        }
        Self { inner: padded(&block, 0x36), outer: padded(&block, 0x5c) }
    }

    /// The MAC of a whole message.
    pub(crate) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.begin(message).finish(b"")
    }

    /// Begins messages that start with `shared`.
    pub(crate) fn begin(&self, shared: &[u8]) -> BegunMac {
        let mut inner = Sha256::resume(self.inner, BLOCK as u64);
        inner.push(shared);
        inner.settle();
        BegunMac { inner, outer: self.outer }
    }
}

impl BegunMac {
    /// The MAC of the shared part and `rest`.
    pub(crate) fn finish(&self, rest: &[u8]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        inner.push(rest);
        let mut outer = Sha256::<BLOCK>::resume(self.outer, BLOCK as u64);
        outer.push(&inner.finish());
        outer.finish()
    }
}

fn padded(key: &[u8; BLOCK], pad: u8) -> State {
    let block = Zeroizing::new(key.map(|byte| byte ^ pad));
    let mut hasher = Sha256::<BLOCK>::new();
    hasher.push(block.as_slice());
    hasher.into_state()
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mac_equals_that_of_the_hmac_crate(
            key in vec(any::<u8>(), 0..200),
            shared in vec(any::<u8>(), 0..300),
            rest in vec(any::<u8>(), 0..300),
        ) {
            let mut reference = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            reference.update(&shared);
            reference.update(&rest);
            let expected: [u8; 32] = reference.finalize().into_bytes().into();
            prop_assert_eq!(HmacKey::new(&key).begin(&shared).finish(&rest), expected);
            prop_assert_eq!(HmacKey::new(&key).mac(&[shared, rest].concat()), expected);
        }
    }
}
