//! The kinds of stores, networks and clients that the simulation runs over: a name and a row of numbers each.

use tidegate_sync_core::engine::{Conditions, StoreProfile};

use super::character::{Character, ORDINARY, Sometimes};

const MINUTE_MS: u64 = 60 * 1000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How long a presigned URL is good at most: a PUT that begins later is refused.
const URL_MS: u64 = 15 * MINUTE_MS;

/// How a store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Personality {
    /// Conditional writes are decided atomically: AWS S3, MinIO, SeaweedFS, R2.
    Atomic,
    /// Preconditions are accepted and passed over in silence: Garage.
    SilentlyIgnoringPreconditions,
    /// Conditions are looked at first and the write comes later: of two creates at once both succeed.
    RacyCreate,
    /// A write that meets another one of the same key is answered with 409.
    ConflictOnContention,
    /// One write a second and key; more are answered with 429.
    OneWriteASecond,
    /// The answer is lost though the request was carried out.
    LosingAnswers,
    /// A PUT lands after its sender gave up, within the life of its URL.
    LatePuts,
    /// A PUT lands days after its sender gave up: a gateway in between keeps what it has accepted.
    DaysLatePuts,
    /// A listing is minutes behind; reading an object is not.
    StaleListings,
    /// Uploads break off: refused by their checksum, or listed without being readable.
    TornUploads,
    /// Requests take up to hours and overtake each other.
    SlowAndReordered,
    /// Times in which everything is answered with 503.
    Storms,
    /// Clients' clocks are hours off and jump back and forth.
    WrongClocks,
    /// A little of everything.
    AllAtOnce,
}

impl Personality {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Atomic,
        Self::SilentlyIgnoringPreconditions,
        Self::RacyCreate,
        Self::ConflictOnContention,
        Self::OneWriteASecond,
        Self::LosingAnswers,
        Self::LatePuts,
        Self::DaysLatePuts,
        Self::StaleListings,
        Self::TornUploads,
        Self::SlowAndReordered,
        Self::Storms,
        Self::WrongClocks,
        Self::AllAtOnce,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::SilentlyIgnoringPreconditions => "silently-ignoring-preconditions",
            Self::RacyCreate => "racy-create",
            Self::ConflictOnContention => "conflict-on-contention",
            Self::OneWriteASecond => "one-write-a-second",
            Self::LosingAnswers => "losing-answers",
            Self::LatePuts => "late-puts",
            Self::DaysLatePuts => "days-late-puts",
            Self::StaleListings => "stale-listings",
            Self::TornUploads => "torn-uploads",
            Self::SlowAndReordered => "slow-and-reordered",
            Self::Storms => "storms",
            Self::WrongClocks => "wrong-clocks",
            Self::AllAtOnce => "all-at-once",
        }
    }

    /// The numbers behind the name.
    #[must_use]
    pub const fn character(self) -> Character {
        match self {
            Self::Atomic => ORDINARY,
            Self::SilentlyIgnoringPreconditions => {
                Character { create: Conditions::Ignored, replace: Conditions::Ignored, ..ORDINARY }
            }
            Self::RacyCreate => Character { is_racy: true, ..ORDINARY },
            Self::ConflictOnContention => Character { contention: 600, haste_ms: 500, ..ORDINARY },
            Self::OneWriteASecond => Character { key_pause_ms: 1_000, haste_ms: 200, ..ORDINARY },
            Self::LosingAnswers => Character { loses_answers: 150, ..ORDINARY },
            Self::LatePuts => Character { late: Sometimes { per_mille: 120, most_ms: URL_MS }, ..ORDINARY },
            Self::DaysLatePuts => Character { late: Sometimes { per_mille: 100, most_ms: 3 * DAY_MS }, ..ORDINARY },
            Self::StaleListings => Character { stale_ms: 10 * MINUTE_MS, ..ORDINARY },
            Self::TornUploads => Character { torn: 120, ..ORDINARY },
            Self::SlowAndReordered => Character { slow: Sometimes { per_mille: 150, most_ms: 2 * HOUR_MS }, ..ORDINARY },
            Self::Storms => Character { storms: Sometimes { per_mille: 15, most_ms: 2 * MINUTE_MS }, ..ORDINARY },
            Self::WrongClocks => Character { clocks: Sometimes { per_mille: 25, most_ms: 30 * HOUR_MS }, ..ORDINARY },
            Self::AllAtOnce => Character {
                is_racy: true,
                contention: 200,
                key_pause_ms: 1_000,
                loses_requests: 20,
                loses_answers: 30,
                late: Sometimes { per_mille: 30, most_ms: URL_MS },
                stale_ms: 5 * MINUTE_MS,
                torn: 30,
                slow: Sometimes { per_mille: 30, most_ms: 20 * MINUTE_MS },
                storms: Sometimes { per_mille: 4, most_ms: MINUTE_MS },
                clocks: Sometimes { per_mille: 5, most_ms: 5 * HOUR_MS },
                ..ORDINARY
            },
        }
    }

    /// What a probe of such a store finds out.
    #[must_use]
    pub const fn profile(self) -> StoreProfile {
        self.character().profile()
    }
}

impl std::str::FromStr for Personality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|personality| personality.name() == text);
        found.ok_or_else(|| format!("no store has the personality {text:?}"))
    }
}
