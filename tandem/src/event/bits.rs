//! Fields that are several things at once: in a record the bits of a number, in JSON an array of the bits' places.

/// Defines a set over the pump's bits that keeps bits that this version does not know.
macro_rules! bit_sets {
    ($($(#[$doc:meta])* $name:ident / $bit:ident { $($(#[$variant_doc:meta])* $variant:ident = $place:literal $text:literal,)* })*) => {$(
        /// One bit of the set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $bit {
            $($(#[$variant_doc])* $variant = $place,)*
        }

        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name {
            /// The pump's bits.
            pub bits: u32,
        }

        impl $name {
            const NAMES: &[(u32, &str)] = &[$(($place, $text)),*];

            /// Whether this bit is set.
            #[must_use]
            pub const fn contains(self, bit: $bit) -> bool {
                self.bits & (1 << bit as u32) != 0
            }
        }

        impl FromIterator<$bit> for $name {
            fn from_iter<I: IntoIterator<Item = $bit>>(bits: I) -> Self {
                Self { bits: bits.into_iter().fold(0, |set, bit| set | 1 << bit as u32) }
            }
        }

        impl serde::Serialize for $name {
            /// As an array of names; an unknown bit is named after its place.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq((0..32).filter(|place| self.bits & (1 << place) != 0).map(|place| {
                    let known = Self::NAMES.iter().find(|(known, _)| *known == place);
                    known.map_or_else(|| format!("bit-{place}"), |(_, name)| (*name).to_owned())
                }))
            }
        }

        impl $crate::event::raw::Scalar for $name {
            fn from_raw(raw: $crate::event::raw::Raw) -> Option<Self> {
                Some(Self { bits: raw.as_integer()?.try_into().ok()? })
            }

            fn to_raw(self, _: $crate::event::raw::Wire) -> $crate::event::raw::Raw {
                $crate::event::raw::Raw::Integer(i64::from(self.bits))
            }
        }
    )*};
}

bit_sets! {
    /// Why the basal rate changed.
    BasalChanges / BasalChange {
        /// The profile's next segment.
        Segment = 0 "segment",
        /// Another profile.
        Profile = 1 "profile",
        /// A temporary rate began.
        TemporaryStart = 2 "temporary-start",
        /// A temporary rate ended.
        TemporaryEnd = 3 "temporary-end",
        /// Delivery was suspended.
        Suspended = 4 "suspended",
        /// Delivery was resumed.
        Resumed = 5 "resumed",
        /// The pump was shut down.
        Shutdown = 6 "shutdown",
        /// The rate met its limit.
        Limit = 7 "limit",
    }

    /// What a bolus is made of.
    BolusParts / BolusPart {
        /// A part at once.
        Now = 0 "now",
        /// A part over time.
        Later = 1 "later",
        /// The wearer changed the amount.
        Override = 2 "override",
        /// A correction of glucose.
        Correction = 3 "correction",
        /// Carbohydrates.
        Carbohydrates = 4 "carbohydrates",
        /// Eating soon.
        EatingSoon = 5 "eating-soon",
    }

    /// What a sensor's message is.
    ReadingKinds / ReadingKind {
        /// A reading of every five minutes.
        FiveMinutes = 0 "five-minutes",
        /// A reading that was missed, and came later.
        Backfill = 1 "backfill",
        /// A value that matches a calibration.
        ImmediateMatch = 2 "immediate-match",
        /// A calibration.
        Calibration = 3 "calibration",
        /// No reading.
        None = 4 "none",
        /// A reading of every minute.
        OneMinute = 5 "one-minute",
    }

    /// What the pump thinks of a sensor's message.
    ReadingChecks / ReadingCheck {
        /// A reading of every five minutes.
        FiveMinutes = 0 "five-minutes",
        /// A reading that was missed.
        Backfill = 1 "backfill",
        /// A value that matches a calibration.
        ImmediateMatch = 2 "immediate-match",
        /// The value comes from a calibration.
        Calibration = 3 "calibration",
        /// No value.
        NoValue = 4 "no-value",
        /// The time is valid.
        ValidTime = 5 "valid-time",
        /// The value is in range.
        ValidValue = 6 "valid-value",
        /// The sensor's algorithm is in a valid state.
        ValidState = 7 "valid-state",
        /// The pump took it into its memory.
        Stored = 8 "stored",
    }

    /// Sleep schedules that are active.
    SleepSchedules / SleepSchedule {
        /// The first.
        First = 0 "first",
        /// The second.
        Second = 1 "second",
        /// The third.
        Third = 2 "third",
        /// The fourth.
        Fourth = 3 "fourth",
    }

    /// Features of the pump; their meaning is not known.
    Features / Feature {
        /// The first.
        First = 0 "bit-0",
    }
}
