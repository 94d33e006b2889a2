//! What can go wrong, by name: counted, and left out one by one when a failure is made smaller.

/// One kind of mishap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A device stops between two effects and starts again from its disk.
    Crash,
    /// A request never reaches the store.
    LostRequest,
    /// A request was carried out, and its answer never reaches the device.
    LostAnswer,
    /// 409: two writes of one key meet.
    Contention,
    /// 429: too many writes of one key.
    TooManyWrites,
    /// 503.
    Unavailable,
    /// A PUT is carried out after its sender gave up.
    LatePut,
    /// A listing is behind.
    StaleListing,
    /// An upload breaks off.
    TornUpload,
    /// A request or its answer takes long.
    SlowRequest,
    /// The condition of a write held when it was looked at and no more when it was written.
    RacyWrite,
    /// A condition that does not hold is passed over.
    IgnoredCondition,
    /// A device's clock jumps.
    ClockJump,
    /// An older disk is put back into a device.
    Restore,
    /// A second device goes on with the identity and the disk of a first.
    Clone,
    /// A device never comes back.
    Departure,
    /// A device comes back only at the end.
    Absence,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Crash,
        Self::LostRequest,
        Self::LostAnswer,
        Self::Contention,
        Self::TooManyWrites,
        Self::Unavailable,
        Self::LatePut,
        Self::StaleListing,
        Self::TornUpload,
        Self::SlowRequest,
        Self::RacyWrite,
        Self::IgnoredCondition,
        Self::ClockJump,
        Self::Restore,
        Self::Clone,
        Self::Departure,
        Self::Absence,
    ];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::LostRequest => "lost-request",
            Self::LostAnswer => "lost-answer",
            Self::Contention => "contention-409",
            Self::TooManyWrites => "too-many-writes-429",
            Self::Unavailable => "unavailable-503",
            Self::LatePut => "late-put",
            Self::StaleListing => "stale-listing",
            Self::TornUpload => "torn-upload",
            Self::SlowRequest => "slow-request",
            Self::RacyWrite => "racy-write",
            Self::IgnoredCondition => "ignored-condition",
            Self::ClockJump => "clock-jump",
            Self::Restore => "restore",
            Self::Clone => "clone",
            Self::Departure => "departure",
            Self::Absence => "absence",
        }
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|fault| fault.name() == text).ok_or_else(|| format!("there is no fault {text:?}"))
    }
}
