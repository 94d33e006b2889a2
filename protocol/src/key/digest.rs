//! Hashes as they stand in keys and documents: lower-case hex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::hex_digits;
use super::ids::InvalidId;

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $len]);

        impl $name {
            /// Wraps the bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 2 * $len];
                hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = hex_digits::decode(text.as_bytes());
                bytes.map(Self).ok_or_else(|| InvalidId::new($kind, $expected, text))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}

hex_bytes!(
    /// A SHA-256, as 64 lower-case hex digits.
    Sha256,
    32,
    "SHA-256",
    "64 lower-case hex digits"
);
hex_bytes!(
    /// The first half of a SHA-256, as 32 lower-case hex digits: what a self-certifying key carries.
    Digest,
    16,
    "digest",
    "32 lower-case hex digits"
);
hex_bytes!(
    /// HMAC of an attachment's plaintext under its family member's attachment key, as 64 lower-case hex digits.
    ContentHmac,
    32,
    "content hmac",
    "64 lower-case hex digits"
);

impl Sha256 {
    /// Hashes these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The half that stands in a key.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0[..16]);
        Digest::from_bytes(half)
    }
}

impl Digest {
    /// Hashes these bytes and keeps the first half.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Sha256::of(bytes).digest()
    }
}
