//! The master key and the account keys that derive from it; genesis; the account proof.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hpke::kem::{Kem as _, XWing};
use hpke::{Deserializable as _, Serializable as _};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256 as Hasher};
use tidegate_protocol::account::{ProofPurpose, account_proof_message};
use tidegate_protocol::genesis::{Genesis, InvalidGenesis, RETENTION_DAYS, XWING_PUBLIC_KEY_BYTES};
use tidegate_protocol::{MemberId, Sha256, UserId};
use zeroize::Zeroizing;

use super::derive::derive;
use super::member::SpaceKey;
use super::recovery::RecoveryCode;

const ED25519_LABEL: &str = "tidegate/account-ed25519/v1";
const XWING_LABEL: &str = "tidegate/account-x-wing/v1";
const LOCAL_STORE_LABEL: &str = "tidegate/local-store/v1";
const MASTER_KEYS_MAC_LABEL: &str = "tidegate/master-keys-mac/v1";

pub(crate) type XWingPrivateKey = <XWing as hpke::kem::Kem>::PrivateKey;
pub(crate) type XWingPublicKey = <XWing as hpke::kem::Kem>::PublicKey;

/// 256 random bits from which all of an account's own keys derive.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Draws a fresh master key.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    /// Takes up a master key kept by the operating system's keychain.
    #[must_use]
    pub const fn from_secret(secret: Zeroizing<[u8; 32]>) -> Self {
        Self(secret)
    }

    /// The secret bytes, to keep in the operating system's keychain.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// The keys that sign and open for the account.
    #[must_use]
    pub fn account_keys(&self) -> AccountKeys {
        let seed: Zeroizing<[u8; 32]> = derive(self.secret(), None, XWING_LABEL);
        let xwing = XWingPrivateKey::from_bytes(seed.as_slice()).expect("an X-Wing seed has 32 bytes");
        let xwing_public = XWing::sk_to_pk(&xwing);
        let ed25519 = SigningKey::from_bytes(&derive(self.secret(), None, ED25519_LABEL));
        let public = AccountPublicKeys { ed25519: ed25519.verifying_key(), xwing: xwing_public };
        AccountKeys { ed25519, xwing, public }
    }

    /// The key that seals the bodies of the local database; it never leaves the device.
    #[must_use]
    pub fn local_store_key(&self) -> SpaceKey {
        Self::local_store_key_from(derive(self.secret(), None, LOCAL_STORE_LABEL))
    }

    /// The same, kept apart: a device whose account has another master key by now goes on with it.
    #[must_use]
    pub fn local_store_key_from(secret: Zeroizing<[u8; 32]>) -> SpaceKey {
        SpaceKey::from_secret(MemberId::from_bytes([0; 16]), 0, secret)
    }

    pub(crate) fn master_keys_mac_key(&self) -> Zeroizing<[u8; 32]> {
        derive(self.secret(), None, MASTER_KEYS_MAC_LABEL)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

/// The account's secret keys: Ed25519 signs proofs, grants and certificates; X-Wing opens grants. Cleared when dropped.
#[derive(Clone)]
pub struct AccountKeys {
    ed25519: SigningKey,
    xwing: XWingPrivateKey,
    public: AccountPublicKeys,
}

impl AccountKeys {
    /// The public halves.
    #[must_use]
    pub const fn public(&self) -> &AccountPublicKeys {
        &self.public
    }

    pub(crate) const fn signing_key(&self) -> &SigningKey {
        &self.ed25519
    }

    pub(crate) const fn xwing(&self) -> &XWingPrivateKey {
        &self.xwing
    }

    /// Proves to the broker at `public_url` that the holder of the DPoP key with this thumbprint holds the account.
    #[must_use]
    pub fn prove(&self, purpose: ProofPurpose, public_url: &str, user: UserId, thumbprint: &Sha256, nonce: &str) -> [u8; 64] {
        self.ed25519.sign(&account_proof_message(purpose, public_url, user, thumbprint, nonce)).to_bytes()
    }
}

impl fmt::Debug for AccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountKeys").field("public", &self.public).field("secret", &"***").finish()
    }
}

/// An account's public keys of one generation.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountPublicKeys {
    ed25519: VerifyingKey,
    xwing: XWingPublicKey,
}

impl AccountPublicKeys {
    /// The keys in a genesis or statement; the name of the one that is none.
    pub(crate) fn from_bytes(ed25519: &[u8; 32], xwing: &[u8; XWING_PUBLIC_KEY_BYTES]) -> Result<Self, &'static str> {
        let ed25519 = VerifyingKey::from_bytes(ed25519).map_err(|_| "Ed25519")?;
        let xwing = XWingPublicKey::from_bytes(xwing.as_slice()).map_err(|_| "X-Wing")?;
        Ok(Self { ed25519, xwing })
    }

    /// The key that verifies the account's signatures.
    #[must_use]
    pub const fn ed25519(&self) -> &VerifyingKey {
        &self.ed25519
    }

    /// The X-Wing public key as bytes.
    #[must_use]
    pub fn xwing_bytes(&self) -> Box<[u8; XWING_PUBLIC_KEY_BYTES]> {
        let mut bytes = Box::new([0; XWING_PUBLIC_KEY_BYTES]);
        self.xwing.write_exact(bytes.as_mut_slice());
        bytes
    }

    pub(crate) const fn xwing(&self) -> &XWingPublicKey {
        &self.xwing
    }

    /// SHA-256 of the Ed25519 public key: how grants name their owner's key.
    #[must_use]
    pub fn ed25519_hash(&self) -> [u8; 32] {
        Hasher::digest(self.ed25519.as_bytes()).into()
    }

    /// SHA-256 of the X-Wing public key: how grants name their recipient's key.
    #[must_use]
    pub fn xwing_hash(&self) -> [u8; 32] {
        Hasher::digest(self.xwing_bytes().as_slice()).into()
    }
}

impl fmt::Debug for AccountPublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountPublicKeys")
            .field("ed25519", &hex::encode(self.ed25519.as_bytes()))
            .field("xwing_sha256", &hex::encode(self.xwing_hash()))
            .finish()
    }
}

/// Why a genesis does not give an account's keys.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The document itself is wrong or another account's.
    #[error(transparent)]
    Document(#[from] InvalidGenesis),
    /// A key of the right length that is no point or polynomial of its scheme.
    #[error("the {0} key of the genesis is no valid public key")]
    InvalidKey(&'static str),
}

impl GenesisError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::InvalidKey(_) => "genesis-bad-key",
        }
    }
}

/// Writes the genesis of a new account; keep the bytes, for the user id is their hash.
#[must_use]
pub fn make_genesis(recovery: &RecoveryCode, keys: &AccountPublicKeys) -> Vec<u8> {
    Genesis {
        retention_days: RETENTION_DAYS,
        recovery_public_key: recovery.signing_key().verifying_key().to_bytes(),
        account_ed25519_public_key: keys.ed25519.to_bytes(),
        account_xwing_public_key: keys.xwing_bytes(),
    }
    .to_bytes()
}

/// Reads the account's public keys of generation 0 out of its genesis, which must be this account's.
///
/// # Errors
/// [`GenesisError`] where the bytes are another account's, malformed, or hold an invalid key.
pub fn account_public_keys(user: UserId, genesis: &[u8]) -> Result<AccountPublicKeys, GenesisError> {
    let genesis = Genesis::parse_of(user, genesis)?;
    AccountPublicKeys::from_bytes(&genesis.account_ed25519_public_key, &genesis.account_xwing_public_key)
        .map_err(GenesisError::InvalidKey)
}

/// Whether an account proof is by this key and for exactly these values.
#[must_use]
pub fn verify_account_proof(
    key: &VerifyingKey,
    proof: &[u8; 64],
    purpose: ProofPurpose,
    public_url: &str,
    user: UserId,
    thumbprint: &Sha256,
    nonce: &str,
) -> bool {
    let message = account_proof_message(purpose, public_url, user, thumbprint, nonce);
    key.verify_strict(&message, &Signature::from_bytes(proof)).is_ok()
}
