//! Identifiers as they stand in keys: lower-case hyphenated UUIDs, and chains as 16 hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hex_digits;

/// Where a UUID has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where its pairs of digits begin.
const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Text that is not an identifier in its one accepted form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: expected {expected}")]
pub struct InvalidId {
    /// What was being read, for example `device id`.
    pub kind: &'static str,
    /// The accepted form.
    pub expected: &'static str,
    /// The text given, cut to 64 characters.
    pub text: String,
}

impl InvalidId {
    pub(crate) fn new(kind: &'static str, expected: &'static str, text: &str) -> Self {
        Self { kind, expected, text: text.chars().take(64).collect() }
    }
}

/// Reads a UUID only in the form in which it is written: 36 characters, lower-case, hyphenated.
pub(crate) fn parse_uuid(kind: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    read_uuid(text.as_bytes()).ok_or_else(|| InvalidId::new(kind, "a lower-case hyphenated UUID", text))
}

fn read_uuid(text: &[u8]) -> Option<Uuid> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let is_hyphenated = HYPHENS.iter().all(|at| text[*at] == b'-');
    let mut pairs = [[0; 2]; 16];
    for (pair, at) in pairs.iter_mut().zip(PAIRS) {
        *pair = [text[at], text[at + 1]];
    }
    if is_hyphenated { hex_digits::decode_pairs(&pairs).map(Uuid::from_bytes) } else { None }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = Uuid))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The id whose 16 bytes are these, whatever UUID version they claim.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// The 16 bytes, in network order.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid($kind, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

uuid_id!(
    /// An account: UUIDv8 of the hash of its genesis.
    UserId,
    "user id"
);
uuid_id!(
    /// A device of an account: UUIDv8 of the hash of user id and DPoP key thumbprint.
    DeviceId,
    "device id"
);
uuid_id!(
    /// A family member.
    MemberId,
    "member id"
);
uuid_id!(
    /// A record.
    RecordId,
    "record id"
);
uuid_id!(
    /// An access grant: UUIDv8 of the hash of its blob.
    GrantId,
    "grant id"
);

/// A device's chain of segments: 64 random bits, written as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct ChainId(u64);

impl ChainId {
    /// Wraps the 64 bits.
    #[must_use]
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    #[must_use]
    pub const fn as_u64(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainId({self})")
    }
}

impl FromStr for ChainId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_hex_u64("chain id", text).map(Self)
    }
}

impl TryFrom<String> for ChainId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ChainId> for String {
    fn from(chain: ChainId) -> String {
        chain.to_string()
    }
}

/// Reads exactly 16 lower-case hex digits.
pub(crate) fn parse_hex_u64(kind: &'static str, text: &str) -> Result<u64, InvalidId> {
    let bytes = hex_digits::decode(text.as_bytes());
    bytes.map(u64::from_be_bytes).ok_or_else(|| InvalidId::new(kind, "16 lower-case hex digits", text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// What the `uuid` crate reads and writes as it was.
    fn by_the_crate(text: &str) -> Option<Uuid> {
        Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text)
    }

    proptest! {
        #[test]
        fn a_uuid_has_the_spelling_that_the_uuid_crate_writes(id in any::<[u8; 16]>(), at in any::<Index>(), byte in "[ -~é]") {
            let text = Uuid::from_bytes(id).to_string();
            prop_assert_eq!(parse_uuid("id", &text).ok(), Some(Uuid::from_bytes(id)));
            let mut changed = text.clone();
            let at = at.index(text.len());
            changed.replace_range(at..=at, &byte);
            for text in [changed, text.replace('-', ""), text.to_uppercase(), format!("{{{text}}}"), format!("urn:uuid:{text}")] {
                prop_assert_eq!(parse_uuid("id", &text).ok(), by_the_crate(&text), "{}", text);
            }
        }

        #[test]
        fn sixteen_digits_are_a_number(number in any::<u64>(), text in "[0-9a-fA-F+]{14,18}") {
            prop_assert_eq!(parse_hex_u64("number", &format!("{number:016x}")).ok(), Some(number));
            let by_radix = u64::from_str_radix(&text, 16).ok().filter(|number| format!("{number:016x}") == text);
            prop_assert_eq!(parse_hex_u64("number", &text).ok(), by_radix, "{}", text);
        }
    }
}
