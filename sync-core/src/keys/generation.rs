//! The keys of one generation of an account: those of its genesis, or those that a statement put in the place of others.
//!
//! Genesis is generation 0. Statement n is signed by the recovery key of generation n-1 and names the hash of what n-1 was stated
//! by. So whoever knows the user id, which is the hash of the genesis, can follow the line and needs to believe nobody. Which of
//! several statements of one number counts is not to be seen in them: a broker keeps the first, once.

use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use tidegate_protocol::genesis::Genesis;
use tidegate_protocol::keys_statement::{InvalidKeysStatement, KeysStatement};
use tidegate_protocol::{Sha256, UserId};

use super::account::{AccountPublicKeys, GenesisError};
use super::recovery::RecoveryCode;

/// An account's keys of one generation, as they follow from its genesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGeneration {
    user: UserId,
    number: u32,
    /// SHA-256 of the statement, or of the genesis.
    hash: Sha256,
    /// Signs the next statement.
    recovery: VerifyingKey,
    keys: AccountPublicKeys,
}

/// Why a statement does not follow on a generation.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The document itself is wrong.
    #[error(transparent)]
    Document(#[from] InvalidKeysStatement),
    /// Of another account.
    #[error("the statement is of account {found}, not of {expected}")]
    OtherAccount {
        /// The account expected.
        expected: UserId,
        /// The account named.
        found: UserId,
    },
    /// Its number or the hash that it names is not the one that follows.
    #[error("statement {found} does not follow on generation {after}")]
    NotNext {
        /// The generation that it was to follow on.
        after: u32,
        /// Its number.
        found: u32,
    },
    /// Not by the recovery key of the generation before.
    #[error("the statement is not signed by the recovery key of the generation before")]
    BadSignature,
    /// A key of the right length that is no point or polynomial of its scheme, or one by which anything can be signed.
    #[error("the {0} key of the statement is no valid public key")]
    InvalidKey(&'static str),
    /// This recovery code made another recovery key than the one that may replace these keys.
    #[error("this recovery code is not the one that may replace the account's keys")]
    OtherRecoveryCode,
    /// There is no number after the last.
    #[error("the account's keys have been replaced as often as they can be")]
    LastGeneration,
}

impl StatementError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::OtherAccount { .. } => "keys-statement-other-account",
            Self::NotNext { .. } => "keys-statement-not-next",
            Self::BadSignature => "keys-statement-bad-signature",
            Self::InvalidKey(_) => "keys-statement-bad-key",
            Self::OtherRecoveryCode => "keys-statement-other-recovery-code",
            Self::LastGeneration => "keys-statement-last-generation",
        }
    }
}

impl KeyGeneration {
    /// Generation 0.
    ///
    /// # Errors
    /// [`GenesisError`] where the bytes are another account's, malformed, or hold an invalid key.
    pub fn of_genesis(user: UserId, bytes: &[u8]) -> Result<Self, GenesisError> {
        let genesis = Genesis::parse_of(user, bytes)?;
        let keys = AccountPublicKeys::from_bytes(&genesis.account_ed25519_public_key, &genesis.account_xwing_public_key)
            .map_err(GenesisError::InvalidKey)?;
        let recovery =
            VerifyingKey::from_bytes(&genesis.recovery_public_key).map_err(|_| GenesisError::InvalidKey("recovery"))?;
        Ok(Self { user, number: 0, hash: Sha256::of(bytes), recovery, keys })
    }

    /// The next generation, by the word of this one's recovery key.
    ///
    /// # Errors
    /// [`StatementError`], each refusal by its own name.
    pub fn followed_by(&self, statement: &[u8]) -> Result<Self, StatementError> {
        let document = KeysStatement::parse(statement)?;
        if document.user != self.user {
            return Err(StatementError::OtherAccount { expected: self.user, found: document.user });
        }
        if Some(document.generation) != self.number.checked_add(1) || document.previous != self.hash {
            return Err(StatementError::NotNext { after: self.number, found: document.generation });
        }
        self.recovery
            .verify_strict(&document.message(), &Signature::from_bytes(&document.signature))
            .map_err(|_| StatementError::BadSignature)?;
        let keys = AccountPublicKeys::from_bytes(&document.account_ed25519_public_key, &document.account_xwing_public_key)
            .map_err(StatementError::InvalidKey)?;
        let recovery = VerifyingKey::from_bytes(&document.recovery_public_key)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or(StatementError::InvalidKey("recovery"))?;
        Ok(Self { user: self.user, number: document.generation, hash: Sha256::of(statement), recovery, keys })
    }

    /// States the keys that are to take these ones' place; keep the bytes, for what follows names their hash.
    ///
    /// # Errors
    /// [`StatementError::OtherRecoveryCode`], or [`StatementError::LastGeneration`] after 2^32 of them.
    pub fn state_next(
        &self,
        recovery: &RecoveryCode,
        new_recovery: &RecoveryCode,
        new_keys: &AccountPublicKeys,
    ) -> Result<Vec<u8>, StatementError> {
        let signing = recovery.signing_key();
        if signing.verifying_key() != self.recovery {
            return Err(StatementError::OtherRecoveryCode);
        }
        let mut statement = KeysStatement {
            user: self.user,
            generation: self.number.checked_add(1).ok_or(StatementError::LastGeneration)?,
            previous: self.hash,
            recovery_public_key: new_recovery.signing_key().verifying_key().to_bytes(),
            account_ed25519_public_key: new_keys.ed25519().to_bytes(),
            account_xwing_public_key: new_keys.xwing_bytes(),
            signature: [0; 64],
        };
        statement.signature = signing.sign(&statement.message()).to_bytes();
        Ok(statement.to_bytes())
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The account's public keys of this generation.
    #[must_use]
    pub const fn public_keys(&self) -> &AccountPublicKeys {
        &self.keys
    }
}
