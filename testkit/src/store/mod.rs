//! Object stores in memory, each with the character of a real kind.

mod memory;

pub use memory::{MemoryStore, StoredObject};

use tidegate_sync_core::engine::{Conditions, StoreProfile};

/// How a store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Personality {
    /// Conditional writes are decided atomically: AWS S3, MinIO, SeaweedFS, R2.
    Atomic,
    /// Preconditions are accepted and passed over in silence: Garage.
    SilentlyIgnoringPreconditions,
}

impl Personality {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Atomic, Self::SilentlyIgnoringPreconditions];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::SilentlyIgnoringPreconditions => "silently-ignoring-preconditions",
        }
    }

    /// What a probe of such a store finds out.
    #[must_use]
    pub const fn profile(self) -> StoreProfile {
        match self {
            Self::Atomic => StoreProfile { create: Conditions::Honoured, replace: Conditions::Honoured },
            Self::SilentlyIgnoringPreconditions => StoreProfile { create: Conditions::Ignored, replace: Conditions::Ignored },
        }
    }
}

impl std::str::FromStr for Personality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|personality| personality.name() == text);
        found.ok_or_else(|| format!("no store has the personality {text:?}"))
    }
}
