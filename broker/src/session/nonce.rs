//! Nonces for DPoP proofs (RFC 9449, section 8): a time that only the broker can have written.
//!
//! u32 seconds since 1970, 8 bytes of the replica, 16 bytes of HMAC. The key derives from the server id key, so that every replica
//! takes every other's nonces; what a proof may be replayed for at another replica is the same request only.

use aws_lc_rs::{constant_time, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

/// Seconds for which a nonce is good.
pub(crate) const NONCE_SECONDS: i64 = 300;
/// Seconds by which another replica's clock may run ahead of ours.
pub(crate) const SKEW_SECONDS: i64 = 30;
const LABEL: &[u8] = b"tidegate/dpop-nonce/v1";
const TIME: usize = 4;
const REPLICA: usize = 8;
const MAC: usize = 16;

/// Mints and checks nonces.
pub(crate) struct Nonces {
    key: hmac::Key,
    replica: [u8; REPLICA],
}

impl Nonces {
    /// Derives the key from the server id key and draws the replica's name.
    pub(crate) fn new(server_id_key: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, server_id_key);
        let key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, LABEL).as_ref());
        let mut replica = [0; REPLICA];
        rand::fill(&mut replica).expect("the system has randomness");
        Self { key, replica }
    }

    pub(crate) fn mint(&self, now: OffsetDateTime) -> String {
        let mut bytes = [0; TIME + REPLICA + MAC];
        let seconds = u32::try_from(now.unix_timestamp()).unwrap_or(0);
        bytes[..TIME].copy_from_slice(&seconds.to_be_bytes());
        bytes[TIME..TIME + REPLICA].copy_from_slice(&self.replica);
        let tag = hmac::sign(&self.key, &bytes[..TIME + REPLICA]);
        bytes[TIME + REPLICA..].copy_from_slice(&tag.as_ref()[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether a broker with our key minted it, and not too long ago.
    pub(crate) fn is_fresh(&self, nonce: &str, now: OffsetDateTime) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Ok(bytes) = <[u8; TIME + REPLICA + MAC]>::try_from(bytes) else { return false };
        let (message, mac) = bytes.split_at(TIME + REPLICA);
        let tag = hmac::sign(&self.key, message);
        if constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC], mac).is_err() {
            return false;
        }
        let seconds = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let age = now.unix_timestamp() - i64::from(seconds);
        (-SKEW_SECONDS..=NONCE_SECONDS).contains(&age)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    #[test]
    fn a_nonce_is_good_for_300_seconds() {
        let nonces = Nonces::new(&[7; 32]);
        let nonce = nonces.mint(NOW);
        assert!(nonces.is_fresh(&nonce, NOW));
        assert!(nonces.is_fresh(&nonce, NOW + Duration::seconds(300)));
        assert!(!nonces.is_fresh(&nonce, NOW + Duration::seconds(301)));
        assert!(!nonces.is_fresh(&nonce, NOW - Duration::seconds(31)));
    }

    #[test]
    fn another_replica_of_the_same_broker_takes_it_and_another_broker_does_not() {
        let nonce = Nonces::new(&[7; 32]).mint(NOW);
        assert!(Nonces::new(&[7; 32]).is_fresh(&nonce, NOW));
        assert!(!Nonces::new(&[8; 32]).is_fresh(&nonce, NOW));
    }

    #[test]
    fn a_changed_nonce_is_refused() {
        let nonces = Nonces::new(&[7; 32]);
        let bytes = URL_SAFE_NO_PAD.decode(nonces.mint(NOW)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!nonces.is_fresh(&URL_SAFE_NO_PAD.encode(changed), NOW), "bit {bit}");
        }
        assert!(!nonces.is_fresh("", NOW));
    }
}
