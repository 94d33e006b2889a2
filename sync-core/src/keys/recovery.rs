//! The recovery code: 24 English words of BIP39 that hold 256 random bits.
//!
//! It is the only thing a person has to keep. It unwraps the master key, and its own signing key, which is on no device, is
//! the only one that may replace the account's keys.

use std::fmt;

use bip39::{Language, Mnemonic};
use ed25519_dalek::SigningKey;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::derive::derive;

const WORDS: usize = 24;
const WRAP_LABEL: &str = "tidegate/recovery-wrap/v1";
const SIGNING_LABEL: &str = "tidegate/recovery-ed25519/v1";

/// 256 random bits, written as 24 words ([BIP39](https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki)).
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<[u8; 32]>);

/// Why a text is not a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryCodeError {
    /// Not 24 words.
    #[error("a recovery code has 24 words, this has {found}")]
    WordCount {
        /// How many words there are.
        found: usize,
    },
    /// A word that is not in the list.
    #[error("word {position}, '{word}', is not in the list{}", did_you_mean(*suggestion))]
    UnknownWord {
        /// Which word, counted from 1.
        position: usize,
        /// The word as given, cut to 32 characters.
        word: String,
        /// The nearest word of the list, where one is near.
        suggestion: Option<&'static str>,
    },
    /// Every word is in the list, but together they are not a code: a word was swapped or mistaken for another.
    #[error("every word is in the list, but the checksum does not fit: a word is wrong or two are swapped")]
    Checksum,
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!("; did you mean '{word}'?")).unwrap_or_default()
}

impl RecoveryCodeError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WordCount { .. } => "recovery-code-word-count",
            Self::UnknownWord { .. } => "recovery-code-unknown-word",
            Self::Checksum => "recovery-code-checksum",
        }
    }
}

impl RecoveryCode {
    /// Draws a fresh code.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0; 32]);
        rng.fill_bytes(entropy.as_mut_slice());
        Self(entropy)
    }

    /// Takes up 256 bits drawn elsewhere.
    #[must_use]
    pub const fn from_entropy(entropy: Zeroizing<[u8; 32]>) -> Self {
        Self(entropy)
    }

    /// Reads 24 words in any case, parted by any white space.
    ///
    /// # Errors
    /// [`RecoveryCodeError`]: which word is wrong and what it may have been, the wrong count, or the checksum.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        let text = Zeroizing::new(text.to_lowercase());
        let words: Vec<&str> = text.split_whitespace().collect();
        for (index, word) in words.iter().enumerate() {
            if Language::English.find_word(word).is_none() {
                let word: String = word.chars().take(32).collect();
                let suggestion = nearest_word(&word);
                return Err(RecoveryCodeError::UnknownWord { position: index + 1, word, suggestion });
            }
        }
        if words.len() != WORDS {
            return Err(RecoveryCodeError::WordCount { found: words.len() });
        }
        let phrase = Zeroizing::new(words.join(" "));
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &phrase).map_err(|_| RecoveryCodeError::Checksum)?;
        let mut entropy = Zeroizing::new([0; 32]);
        entropy.copy_from_slice(&Zeroizing::new(mnemonic.to_entropy()));
        Ok(Self(entropy))
    }

    /// The 24 words, parted by single spaces.
    #[must_use]
    pub fn words(&self) -> Zeroizing<String> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, self.0.as_slice()).expect("32 bytes make 24 words");
        Zeroizing::new(mnemonic.words().collect::<Vec<_>>().join(" "))
    }

    /// The key that wraps the master key in the slot with this salt.
    pub(crate) fn slot_key(&self, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        derive(self.0.as_slice(), Some(salt), WRAP_LABEL)
    }

    /// The key that signs statements which replace the account's keys.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&derive(self.0.as_slice(), None, SIGNING_LABEL))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(***)")
    }
}

/// The word of the list at the least edit distance, if that is at most 2; of equals the first one that begins alike.
fn nearest_word(word: &str) -> Option<&'static str> {
    let start: String = word.chars().take(4).collect();
    Language::English
        .word_list()
        .iter()
        .map(|candidate| (edit_distance(word, candidate), !candidate.starts_with(&start), *candidate))
        .min()
        .filter(|(distance, other_start, _)| *distance <= 2 || !other_start)
        .map(|(_, _, candidate)| candidate)
}

/// Edits (insert, remove, change a letter) from one word to another (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
