//! Generated passphrases and what it costs to try one (Argon2id, RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use bip39::Language;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const GENERATED_WORDS: usize = 8;
const MIN_MEMORY_KIB: u32 = 64 * 1024;
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// What one try of a passphrase costs.
///
/// Weaker slots are refused on reading, or whoever can write to the store could plant one that is cheap to search; dearer
/// ones are refused too, or it could plant one that exhausts a phone's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argon2Cost {
    /// Memory in KiB: 65,536 to 262,144.
    pub memory_kib: u32,
    /// Passes over the memory: 3 to 10.
    pub passes: u32,
    /// Lanes: 1 to 4.
    pub lanes: u32,
}

impl Argon2Cost {
    /// The least cost that is accepted, and what new slots use: 64 MiB, 3 passes, 1 lane.
    pub const LEAST: Self = Self { memory_kib: MIN_MEMORY_KIB, passes: 3, lanes: 1 };

    /// Whether every parameter is within its bounds.
    #[must_use]
    pub const fn is_acceptable(&self) -> bool {
        self.memory_kib >= MIN_MEMORY_KIB
            && self.memory_kib <= MAX_MEMORY_KIB
            && self.passes >= 3
            && self.passes <= 10
            && self.lanes >= 1
            && self.lanes <= 4
    }
}

/// A passphrase of 8 random words (88 bits).
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Draws a passphrase. People do not choose their own: below 80 bits Argon2id buys too little time.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let words = Language::English.word_list();
        let mut text = Zeroizing::new(String::with_capacity(GENERATED_WORDS * 9));
        for index in 0..GENERATED_WORDS {
            if index > 0 {
                text.push(' ');
            }
            // The list has 2^11 words, so 11 bits choose one without bias.
            text.push_str(words[(rng.next_u32() & 0x7ff) as usize]);
        }
        Self(text)
    }

    /// Takes up a passphrase as typed: any case, words parted by any white space.
    #[must_use]
    pub fn from_typed(text: &str) -> Self {
        let lower = Zeroizing::new(text.to_lowercase());
        Self(Zeroizing::new(lower.split_whitespace().collect::<Vec<_>>().join(" ")))
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.0
    }

    /// The key that wraps the master key in the slot with this salt, or `None` for a cost out of bounds.
    pub(crate) fn slot_key(&self, salt: &[u8; 32], cost: Argon2Cost) -> Option<Zeroizing<[u8; 32]>> {
        if !cost.is_acceptable() {
            return None;
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.as_bytes(), salt, key.as_mut_slice())
            .ok()?;
        Some(key)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(***)")
    }
}
