//! Fields that are one of several things. A number that this version does not know is kept as it came.

/// Defines an enum over the pump's numbers that reads any number.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A number that this version does not know.
            Other(u32),
        }

        impl $name {
            /// The pump's number.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Other(number) => write!(f, "other-{number}"),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl $crate::event::raw::Scalar for $name {
            fn from_raw(raw: $crate::event::raw::Raw) -> Option<Self> {
                Some(u32::try_from(raw.as_integer()?).ok()?.into())
            }

            fn to_raw(self, _: $crate::event::raw::Wire) -> $crate::event::raw::Raw {
                $crate::event::raw::Raw::Integer(i64::from(self.number()))
            }
        }
    )*};
}

choices! {
    /// How a bolus, a prime or a part of either ended.
    Completion {
        /// The wearer stopped it.
        UserAborted = 0 "user-aborted",
        /// An alarm stopped it.
        Alarm = 1 "alarm",
        /// A malfunction stopped it.
        Malfunction = 2 "malfunction",
        /// All of it was delivered.
        Completed = 3 "completed",
        /// The pump refused it.
        Rejected = 5 "rejected",
        /// The pump foresaw low glucose and stopped it.
        PredictedLow = 6 "predicted-low",
    }

    /// Why delivery was suspended.
    SuspendReason {
        /// The wearer wanted it.
        User = 0 "user",
        /// An alarm.
        Alarm = 1 "alarm",
        /// A malfunction.
        Malfunction = 2 "malfunction",
        /// The pump foresaw low glucose.
        PredictedLow = 6 "predicted-low",
    }

    /// What set the basal rate.
    BasalSource {
        /// Delivery is suspended.
        Suspended = 0 "suspended",
        /// The wearer's profile.
        Profile = 1 "profile",
        /// A temporary rate.
        Temporary = 2 "temporary",
        /// The pump's algorithm.
        Algorithm = 3 "algorithm",
        /// The algorithm, on top of a temporary rate.
        TemporaryAndAlgorithm = 4 "temporary-and-algorithm",
    }

    /// What a bolus was asked for by.
    BolusType {
        /// An amount of insulin.
        Insulin = 0 "insulin",
        /// An amount of carbohydrates.
        Carbohydrates = 1 "carbohydrates",
        /// The pump's algorithm.
        Automatic = 2 "automatic",
        /// A remote control: a phone.
        Remote = 3 "remote",
    }

    /// How a bolus is to be delivered.
    BolusOption {
        /// At once.
        Standard = 0 "standard",
        /// Partly over time.
        Extended = 1 "extended",
        /// By the pump's button.
        Quick = 2 "quick",
        /// By the algorithm.
        Automatic = 3 "automatic",
        /// At once, asked for over Bluetooth.
        RemoteStandard = 4 "remote-standard",
        /// Partly over time, asked for over Bluetooth.
        RemoteExtended = 5 "remote-extended",
        /// By the algorithm in the eating-soon mode.
        EatingSoonAutomatic = 6 "eating-soon-automatic",
        /// After the meal.
        Late = 7 "late",
    }

    /// Where a bolus was started.
    BolusSource {
        /// The pump's button.
        Button = 0 "button",
        /// The pump's screen.
        Screen = 1 "screen",
        /// A remote control.
        Remote = 5 "remote",
        /// The pump's algorithm.
        Algorithm = 7 "algorithm",
        /// Bluetooth.
        Bluetooth = 8 "bluetooth",
    }

    /// Whether a bolus is being delivered.
    DeliveryStatus {
        /// It has ended.
        Ended = 0 "ended",
        /// It has begun.
        Started = 1 "started",
    }

    /// How insulin on board was computed.
    IobKind {
        /// By Mudaliar's curve.
        Mudaliar = 0 "mudaliar",
        /// By Swan's curve.
        Swan = 1 "swan",
    }

    /// Whether a sensor's value is a number.
    GlucoseStatus {
        /// It is.
        Precise = 0 "precise",
        /// Above what the sensor can tell.
        High = 1 "high",
        /// Below what the sensor can tell.
        Low = 2 "low",
        /// Not to be shown or stored.
        Hidden = 6 "hidden",
    }

    /// How a blood glucose came into the pump.
    GlucoseEntry {
        /// Typed in.
        Manual = 0 "manual",
        /// Taken from the sensor.
        Sensor = 1 "sensor",
    }

    /// Where a blood glucose was typed in.
    GlucoseSource {
        /// On the pump.
        Pump = 0 "pump",
        /// On a remote control.
        Remote = 1 "remote",
    }

    /// What was asked of the mode of use.
    ModeAction {
        /// Nothing.
        None = 0 "none",
        /// Sleep begins.
        StartSleep = 1 "start-sleep",
        /// Sleep ends.
        StopSleep = 2 "stop-sleep",
        /// Exercise begins.
        StartExercise = 3 "start-exercise",
        /// Exercise ends.
        StopExercise = 4 "stop-exercise",
        /// All modes end.
        StopAll = 5 "stop-all",
        /// Eating soon begins.
        StartEatingSoon = 6 "start-eating-soon",
        /// Eating soon ends.
        StopEatingSoon = 7 "stop-eating-soon",
    }

    /// The mode of use.
    UserMode {
        /// None in particular.
        Normal = 0 "normal",
        /// Sleep.
        Sleep = 1 "sleep",
        /// Exercise.
        Exercise = 2 "exercise",
        /// Eating soon.
        EatingSoon = 3 "eating-soon",
    }

    /// The state of the control loop.
    LoopState {
        /// No control.
        None = 0 "none",
        /// Open: the profile alone.
        Open = 1 "open",
        /// Wants to close and cannot.
        Pining = 2 "pining",
        /// Closed: the algorithm controls.
        Closed = 3 "closed",
    }

    /// A model of sensor.
    SensorType {
        /// None.
        None = 0 "none",
        /// Dexcom G6.
        DexcomG6 = 1 "dexcom-g6",
        /// FreeStyle Libre 2.
        Libre2 = 2 "libre-2",
        /// Dexcom G7.
        DexcomG7 = 3 "dexcom-g7",
        /// FreeStyle Libre 3.
        Libre3 = 4 "libre-3",
    }

    /// Who acknowledged an alert.
    AcknowledgedBy {
        /// The wearer.
        User = 0 "user",
        /// The pump's software.
        Software = 1 "software",
    }
}
