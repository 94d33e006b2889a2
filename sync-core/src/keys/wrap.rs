//! `master-keys/{n}.{digest}.blob`: the master key, wrapped once for each slot.
//!
//! ```json
//! {"format":"tidegate/master-keys/v1","generation":0,
//!  "slots":[{"kind":"recovery","salt":"...","wrapped":"..."},
//!           {"kind":"passphrase","salt":"...","cost":{"memory_kib":65536,"passes":3,"lanes":1},"wrapped":"..."}],
//!  "mac":"..."}
//! ```
//! `wrapped` is AES-256-GCM of the master key under the slot's key. Every slot has a salt of its own, so every slot key
//! wraps once and the nonce is zero. `mac` is HMAC-SHA256 under a key derived from the master key over the generation and
//! all slots: whoever opens one slot knows that no other was added, removed or weakened by the store.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tidegate_protocol::UserId;
use tidegate_protocol::account::lp;
use zeroize::Zeroizing;

use super::account::MasterKey;
use super::passphrase::{Argon2Cost, Passphrase};
use super::recovery::RecoveryCode;

const FORMAT: &str = "tidegate/master-keys/v1";
const SLOT_LABEL: &[u8] = b"tidegate/master-key-slot/v1";
const MAX_BYTES: usize = 16 * 1024;
const MAX_SLOTS: usize = 16;

/// A secret that opens a slot.
#[derive(Debug, Clone, Copy)]
pub enum SlotSecret<'a> {
    /// The 24 words.
    Recovery(&'a RecoveryCode),
    /// A generated passphrase; the cost counts when a slot is made, and is read from the slot when one is opened.
    Passphrase(&'a Passphrase, Argon2Cost),
}

/// Why a master key could not be had from a blob.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeysError {
    /// Not the JSON document that it has to be.
    #[error("the master-keys object is not valid JSON of its format")]
    Malformed(#[source] Option<serde_json::Error>),
    /// Of a format that this version does not know.
    #[error("the master-keys object has the unknown format {0:?}")]
    UnknownFormat(String),
    /// A passphrase slot whose cost is out of bounds.
    #[error("a passphrase slot is weaker or dearer than allowed: {0:?}")]
    SlotCost(Argon2Cost),
    /// No slot opens with this secret.
    #[error("no slot opens with this code: it belongs to another account or was replaced")]
    NoSlotOpens,
    /// A slot opened, but the slots are not those that were written.
    #[error("the master-keys object was changed after it was written")]
    MacMismatch,
    /// An older generation than this device has already seen.
    #[error("the store shows generation {found} of the master key, but this device has seen {remembered}")]
    RolledBack {
        /// The generation shown.
        found: u32,
        /// The generation remembered.
        remembered: u32,
    },
}

impl MasterKeysError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "master-keys-malformed",
            Self::UnknownFormat(_) => "master-keys-unknown-format",
            Self::SlotCost(_) => "master-keys-slot-cost",
            Self::NoSlotOpens => "master-keys-no-slot-opens",
            Self::MacMismatch => "master-keys-mac-mismatch",
            Self::RolledBack { .. } => "master-key-rolled-back",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    generation: u32,
    slots: Vec<Slot>,
    #[serde(with = "crate::base64url::array")]
    mac: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Slot {
    Recovery {
        #[serde(with = "crate::base64url::array")]
        salt: [u8; 32],
        #[serde(with = "crate::base64url::array")]
        wrapped: [u8; 48],
    },
    Passphrase {
        #[serde(with = "crate::base64url::array")]
        salt: [u8; 32],
        cost: Argon2Cost,
        #[serde(with = "crate::base64url::array")]
        wrapped: [u8; 48],
    },
}

/// A master-keys object that has been read and whose slots are all acceptable, but of which none is opened yet.
pub struct MasterKeys(Document);

/// Writes the master-keys object of one generation.
///
/// # Errors
/// [`MasterKeysError::SlotCost`] where a passphrase slot would be refused on reading.
pub fn make_master_keys(
    user: UserId,
    generation: u32,
    master: &MasterKey,
    slots: &[SlotSecret<'_>],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, MasterKeysError> {
    let slots = slots.iter().map(|secret| Slot::make(user, generation, master, *secret, rng)).collect::<Result<Vec<_>, _>>()?;
    let mac = mac(master, user, generation, &slots).finalize().into_bytes().into();
    let document = Document { format: FORMAT.to_owned(), generation, slots, mac };
    Ok(serde_json::to_vec(&document).expect("strings and numbers always serialise"))
}

impl MasterKeys {
    /// Reads the object and checks every slot's cost, before any work is done on it.
    ///
    /// # Errors
    /// [`MasterKeysError::Malformed`], `UnknownFormat` or `SlotCost`.
    pub fn parse(bytes: &[u8]) -> Result<Self, MasterKeysError> {
        if bytes.len() > MAX_BYTES {
            return Err(MasterKeysError::Malformed(None));
        }
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(|error| MasterKeysError::Malformed(Some(error)))?;
        if format != FORMAT {
            return Err(MasterKeysError::UnknownFormat(format));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|error| MasterKeysError::Malformed(Some(error)))?;
        if document.slots.len() > MAX_SLOTS {
            return Err(MasterKeysError::Malformed(None));
        }
        for slot in &document.slots {
            if let Slot::Passphrase { cost, .. } = slot
                && !cost.is_acceptable()
            {
                return Err(MasterKeysError::SlotCost(*cost));
            }
        }
        Ok(Self(document))
    }

    /// The generation that the object claims; it is authentic only once [`MasterKeys::open`] has succeeded.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.0.generation
    }

    /// Refuses a generation older than one that this device has seen.
    ///
    /// # Errors
    /// [`MasterKeysError::RolledBack`].
    pub const fn check_not_older_than(&self, remembered: u32) -> Result<(), MasterKeysError> {
        if self.0.generation < remembered {
            return Err(MasterKeysError::RolledBack { found: self.0.generation, remembered });
        }
        Ok(())
    }

    /// Opens the first slot that this secret fits, and checks that no slot was changed.
    ///
    /// # Errors
    /// [`MasterKeysError::NoSlotOpens`] or [`MasterKeysError::MacMismatch`].
    pub fn open(&self, user: UserId, secret: SlotSecret<'_>) -> Result<MasterKey, MasterKeysError> {
        let generation = self.0.generation;
        let master =
            self.0.slots.iter().find_map(|slot| slot.open(user, generation, secret)).ok_or(MasterKeysError::NoSlotOpens)?;
        mac(&master, user, generation, &self.0.slots).verify_slice(&self.0.mac).map_err(|_| MasterKeysError::MacMismatch)?;
        Ok(master)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKeys").field("generation", &self.0.generation).field("slots", &self.0.slots.len()).finish()
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: String,
}

impl Slot {
    fn make(
        user: UserId,
        generation: u32,
        master: &MasterKey,
        secret: SlotSecret<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, MasterKeysError> {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        match secret {
            SlotSecret::Recovery(code) => {
                let wrapped = wrap(&code.slot_key(&salt), &slot_aad(user, generation, "recovery"), master);
                Ok(Self::Recovery { salt, wrapped })
            }
            SlotSecret::Passphrase(passphrase, cost) => {
                let key = passphrase.slot_key(&salt, cost).ok_or(MasterKeysError::SlotCost(cost))?;
                let wrapped = wrap(&key, &slot_aad(user, generation, "passphrase"), master);
                Ok(Self::Passphrase { salt, cost, wrapped })
            }
        }
    }

    fn open(&self, user: UserId, generation: u32, secret: SlotSecret<'_>) -> Option<MasterKey> {
        match (self, secret) {
            (Self::Recovery { salt, wrapped }, SlotSecret::Recovery(code)) => {
                unwrap(&code.slot_key(salt), &slot_aad(user, generation, "recovery"), wrapped)
            }
            (Self::Passphrase { salt, cost, wrapped }, SlotSecret::Passphrase(passphrase, _)) => {
                let key = passphrase.slot_key(salt, *cost)?;
                unwrap(&key, &slot_aad(user, generation, "passphrase"), wrapped)
            }
            (Self::Recovery { .. }, SlotSecret::Passphrase(..)) | (Self::Passphrase { .. }, SlotSecret::Recovery(_)) => None,
        }
    }

    /// Every field, so that the MAC covers the slot whole.
    fn mac_fields(&self) -> Vec<u8> {
        match self {
            Self::Recovery { salt, wrapped } => [lp(b"recovery"), lp(salt), lp(&[]), lp(wrapped)].concat(),
            Self::Passphrase { salt, cost, wrapped } => {
                let numbers = [cost.memory_kib.to_be_bytes(), cost.passes.to_be_bytes(), cost.lanes.to_be_bytes()].concat();
                [lp(b"passphrase"), lp(salt), lp(&numbers), lp(wrapped)].concat()
            }
        }
    }
}

fn slot_aad(user: UserId, generation: u32, kind: &str) -> Vec<u8> {
    [SLOT_LABEL.to_vec(), lp(user.as_bytes()), generation.to_be_bytes().to_vec(), lp(kind.as_bytes())].concat()
}

fn mac(master: &MasterKey, user: UserId, generation: u32, slots: &[Slot]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(master.master_keys_mac_key().as_slice()).expect("HMAC takes keys of any length");
    mac.update(FORMAT.as_bytes());
    mac.update(&lp(user.as_bytes()));
    mac.update(&generation.to_be_bytes());
    for slot in slots {
        mac.update(&lp(&slot.mac_fields()));
    }
    mac
}

fn wrap(key: &[u8; 32], aad: &[u8], master: &MasterKey) -> [u8; 48] {
    let mut wrapped = [0; 48];
    let (body, tag) = wrapped.split_at_mut(32);
    body.copy_from_slice(master.secret());
    let sealed_tag = slot_cipher(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key([0; 12]), Aad::from(aad), body)
        .expect("32 bytes are within the limits of AES-GCM");
    tag.copy_from_slice(sealed_tag.as_ref());
    wrapped
}

fn unwrap(key: &[u8; 32], aad: &[u8], wrapped: &[u8; 48]) -> Option<MasterKey> {
    let mut opened = Zeroizing::new(*wrapped);
    slot_cipher(key).open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::from(aad), opened.as_mut_slice()).ok()?;
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(&opened[..32]);
    Some(MasterKey::from_secret(secret))
}

fn slot_cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes"))
}
