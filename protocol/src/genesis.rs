//! `genesis.json`: what an account is at its birth. Its bytes, exactly, are what the user id commits to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::account::user_id;

/// The `format` of every genesis so far.
pub const GENESIS_FORMAT: &str = "tidegate/genesis/v1";
/// Days for which superseded versions and tombstones are kept.
pub const RETENTION_DAYS: u32 = 90;
/// Length of an Ed25519 public key in bytes (RFC 8032).
pub const ED25519_PUBLIC_KEY_BYTES: usize = 32;
/// Length of an X-Wing public key in bytes (draft-connolly-cfrg-xwing-kem).
pub const XWING_PUBLIC_KEY_BYTES: usize = 1216;
/// The largest genesis that is read, in bytes.
pub const MAX_GENESIS_BYTES: usize = 16 * 1024;

/// The public keys of generation 0 of an account, and its retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Days for which superseded versions and tombstones are kept.
    pub retention_days: u32,
    /// Ed25519 key that alone may replace the account's keys.
    pub recovery_public_key: [u8; ED25519_PUBLIC_KEY_BYTES],
    /// Ed25519 key that signs account proofs, grants and device certificates.
    pub account_ed25519_public_key: [u8; ED25519_PUBLIC_KEY_BYTES],
    /// X-Wing key to which grants are sealed.
    pub account_xwing_public_key: Box<[u8; XWING_PUBLIC_KEY_BYTES]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisJson {
    format: String,
    retention_days: u32,
    recovery_public_key: String,
    account_ed25519_public_key: String,
    account_xwing_public_key: String,
}

/// Bytes that are not a genesis.
#[derive(Debug, thiserror::Error)]
pub enum InvalidGenesis {
    /// Larger than any genesis.
    #[error("the genesis has {0} bytes, more than the {MAX_GENESIS_BYTES} allowed")]
    TooLarge(usize),
    /// Not the JSON document that it has to be.
    #[error("the genesis is not valid JSON of its format")]
    Json(#[source] serde_json::Error),
    /// Of a format that this version does not know.
    #[error("the genesis has the unknown format {0:?}")]
    UnknownFormat(String),
    /// A key that is not base64url of the right length.
    #[error("the field {0} of the genesis is not a key")]
    Key(&'static str),
    /// The bytes do not hash to the user id under which they were found.
    #[error("the genesis is of account {found}, not {expected}")]
    OtherUser {
        /// The account asked for.
        expected: UserId,
        /// The account that the bytes make.
        found: UserId,
    },
}

impl InvalidGenesis {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "genesis-too-large",
            Self::Json(_) => "genesis-malformed",
            Self::UnknownFormat(_) => "genesis-unknown-format",
            Self::Key(_) => "genesis-bad-key",
            Self::OtherUser { .. } => "genesis-other-user",
        }
    }
}

impl Genesis {
    /// Writes the document. Made once in the life of an account; afterwards its bytes are kept and never made again.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = GenesisJson {
            format: GENESIS_FORMAT.to_owned(),
            retention_days: self.retention_days,
            recovery_public_key: URL_SAFE_NO_PAD.encode(self.recovery_public_key),
            account_ed25519_public_key: URL_SAFE_NO_PAD.encode(self.account_ed25519_public_key),
            account_xwing_public_key: URL_SAFE_NO_PAD.encode(self.account_xwing_public_key.as_slice()),
        };
        serde_json::to_vec(&json).expect("strings and a number always serialise")
    }

    /// Reads the document, without asking whose it is.
    ///
    /// # Errors
    /// [`InvalidGenesis`], but never [`InvalidGenesis::OtherUser`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidGenesis> {
        if bytes.len() > MAX_GENESIS_BYTES {
            return Err(InvalidGenesis::TooLarge(bytes.len()));
        }
        let json: GenesisJson = serde_json::from_slice(bytes).map_err(InvalidGenesis::Json)?;
        if json.format != GENESIS_FORMAT {
            return Err(InvalidGenesis::UnknownFormat(json.format));
        }
        Ok(Self {
            retention_days: json.retention_days,
            recovery_public_key: key(&json.recovery_public_key, "recovery_public_key")?,
            account_ed25519_public_key: key(&json.account_ed25519_public_key, "account_ed25519_public_key")?,
            account_xwing_public_key: Box::new(key(&json.account_xwing_public_key, "account_xwing_public_key")?),
        })
    }

    /// Reads the genesis of this account and no other.
    ///
    /// # Errors
    /// [`InvalidGenesis`].
    pub fn parse_of(user: UserId, bytes: &[u8]) -> Result<Self, InvalidGenesis> {
        let found = user_id(bytes);
        if found != user {
            return Err(InvalidGenesis::OtherUser { expected: user, found });
        }
        Self::parse(bytes)
    }
}

fn key<const N: usize>(text: &str, field: &'static str) -> Result<[u8; N], InvalidGenesis> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidGenesis::Key(field))?;
    bytes.try_into().map_err(|_| InvalidGenesis::Key(field))
}
