//! The statement by which new keys take the place of an account's keys: `users/{user}/public-keys/{n}.{digest}.blob`, and the same
//! bytes at the broker.
//!
//! Genesis is generation 0. Statement n is signed by the recovery key of generation n-1 and names the hash of what n-1 was stated
//! by, so that whoever knows the user id can check the whole line from genesis on and needs to believe nobody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::account::lp;
use crate::genesis::{ED25519_PUBLIC_KEY_BYTES, XWING_PUBLIC_KEY_BYTES};
use crate::key::{Sha256, UserId};

/// The `format` of every statement so far.
pub const KEYS_STATEMENT_FORMAT: &str = "tidegate/account-keys/v1";
/// The largest statement that is read, in bytes.
pub const MAX_KEYS_STATEMENT_BYTES: usize = 16 * 1024;
const LABEL: &[u8] = b"tidegate/account-keys/v1";
const SIGNATURE_BYTES: usize = 64;

/// The public keys of one generation from 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysStatement {
    /// The account.
    pub user: UserId,
    /// Which generation they are of.
    pub generation: u32,
    /// SHA-256 of the statement before, or of the genesis.
    pub previous: Sha256,
    /// Ed25519 key that alone may sign the next statement.
    pub recovery_public_key: [u8; ED25519_PUBLIC_KEY_BYTES],
    /// Ed25519 key that signs account proofs, grants and device certificates.
    pub account_ed25519_public_key: [u8; ED25519_PUBLIC_KEY_BYTES],
    /// X-Wing key to which grants are sealed.
    pub account_xwing_public_key: Box<[u8; XWING_PUBLIC_KEY_BYTES]>,
    /// Ed25519 signature over [`KeysStatement::message`] by the recovery key of the generation before.
    pub signature: [u8; SIGNATURE_BYTES],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysStatementJson {
    format: String,
    user_id: UserId,
    generation: u32,
    previous: Sha256,
    recovery_public_key: String,
    account_ed25519_public_key: String,
    account_xwing_public_key: String,
    signature: String,
}

/// Bytes that are not a statement.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeysStatement {
    /// Larger than any statement.
    #[error("the statement has {0} bytes, more than the {MAX_KEYS_STATEMENT_BYTES} allowed")]
    TooLarge(usize),
    /// Not the JSON document that it has to be.
    #[error("the statement is not valid JSON of its format")]
    Json(#[source] serde_json::Error),
    /// Of a format that this version does not know.
    #[error("the statement has the unknown format {0:?}")]
    UnknownFormat(String),
    /// Not written as every writer writes it: two spellings of one statement would have two hashes.
    #[error("the statement is not in its one spelling")]
    Spelling,
    /// A key or signature that is not base64url of the right length.
    #[error("the field {0} of the statement is malformed")]
    Field(&'static str),
}

impl InvalidKeysStatement {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "keys-statement-too-large",
            Self::Json(_) => "keys-statement-malformed",
            Self::UnknownFormat(_) => "keys-statement-unknown-format",
            Self::Spelling => "keys-statement-spelling",
            Self::Field(_) => "keys-statement-bad-field",
        }
    }
}

impl KeysStatement {
    /// The bytes that the recovery key of the generation before signs.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let mut message = LABEL.to_vec();
        message.extend(lp(self.user.as_bytes()));
        message.extend_from_slice(&self.generation.to_be_bytes());
        message.extend_from_slice(self.previous.as_bytes());
        message.extend(lp(&self.recovery_public_key));
        message.extend(lp(&self.account_ed25519_public_key));
        message.extend(lp(self.account_xwing_public_key.as_slice()));
        message
    }

    /// Writes the document.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = KeysStatementJson {
            format: KEYS_STATEMENT_FORMAT.to_owned(),
            user_id: self.user,
            generation: self.generation,
            previous: self.previous,
            recovery_public_key: URL_SAFE_NO_PAD.encode(self.recovery_public_key),
            account_ed25519_public_key: URL_SAFE_NO_PAD.encode(self.account_ed25519_public_key),
            account_xwing_public_key: URL_SAFE_NO_PAD.encode(self.account_xwing_public_key.as_slice()),
            signature: URL_SAFE_NO_PAD.encode(self.signature),
        };
        serde_json::to_vec(&json).expect("strings and a number always serialise")
    }

    /// Reads the document. Nothing in it is authentic before its signature was verified by the key of the generation before.
    ///
    /// # Errors
    /// [`InvalidKeysStatement`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKeysStatement> {
        if bytes.len() > MAX_KEYS_STATEMENT_BYTES {
            return Err(InvalidKeysStatement::TooLarge(bytes.len()));
        }
        let json: KeysStatementJson = serde_json::from_slice(bytes).map_err(InvalidKeysStatement::Json)?;
        if json.format != KEYS_STATEMENT_FORMAT {
            return Err(InvalidKeysStatement::UnknownFormat(json.format));
        }
        let statement = Self {
            user: json.user_id,
            generation: json.generation,
            previous: json.previous,
            recovery_public_key: field(&json.recovery_public_key, "recovery_public_key")?,
            account_ed25519_public_key: field(&json.account_ed25519_public_key, "account_ed25519_public_key")?,
            account_xwing_public_key: Box::new(field(&json.account_xwing_public_key, "account_xwing_public_key")?),
            signature: field(&json.signature, "signature")?,
        };
        if statement.to_bytes() != bytes {
            return Err(InvalidKeysStatement::Spelling);
        }
        Ok(statement)
    }
}

fn field<const N: usize>(text: &str, name: &'static str) -> Result<[u8; N], InvalidKeysStatement> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKeysStatement::Field(name))?;
    bytes.try_into().map_err(|_| InvalidKeysStatement::Field(name))
}
