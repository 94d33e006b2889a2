//! Amounts as the pump tells them, each unit with its own type, so that units per hour are never added to grams.

use serde::{Deserialize, Serialize};

use crate::event::raw::{Raw, Scalar, Wire};

/// Defines an amount that the pump writes as a 32-bit float.
macro_rules! float_amount {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
        pub struct $name(pub f32);

        impl Serialize for $name {
            /// As the shortest decimal that is this float: 0.1, not 0.10000000149011612.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_f64(self.decimal())
            }
        }

        impl $name {
            /// The value that was meant: the shortest decimal that is this float.
            #[must_use]
            pub fn decimal(self) -> f64 {
                self.0.to_string().parse().unwrap_or_else(|_| f64::from(self.0))
            }
        }

        impl Scalar for $name {
            fn from_raw(raw: Raw) -> Option<Self> {
                let value = raw.as_float();
                value.is_finite().then_some(Self(value))
            }

            fn to_raw(self, wire: Wire) -> Raw {
                wire.float(self.0)
            }
        }
    )*};
}

/// Defines an amount that the pump writes as an unsigned integer of at most 32 bits.
macro_rules! whole_amount {
    ($($(#[$doc:meta])* $name:ident($inner:ty))*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl Scalar for $name {
            fn from_raw(raw: Raw) -> Option<Self> {
                Some(Self(raw.as_integer()?.try_into().ok()?))
            }

            fn to_raw(self, _: Wire) -> Raw {
                Raw::Integer(i64::from(self.0))
            }
        }
    )*};
}

float_amount! {
    /// Insulin, in units (U) as the pump counts them.
    Units
    /// A rate of insulin, in units per hour.
    UnitsPerHour
    /// Carbohydrates, in grams.
    Grams
    /// An electric current, in milliamperes.
    Milliamperes
    /// A diagnostic value without a unit.
    Diagnostic
}

whole_amount! {
    /// Insulin, in thousandths of a unit.
    Milliunits(u16)
    /// A rate of insulin, in thousandths of a unit per hour.
    MilliunitsPerHour(u16)
    /// Whole units of insulin, as a cartridge is filled or read.
    WholeUnits(u32)
    /// Glucose, in milligrams per decilitre.
    MgDl(u16)
    /// Fall of glucose per unit of insulin, in milligrams per decilitre per unit.
    MgDlPerUnit(u16)
    /// A span of time, in minutes.
    Minutes(u16)
    /// A span of time, in days.
    Days(u16)
    /// A span of time or a time of day, in milliseconds.
    Milliseconds(u32)
    /// Seconds by the pump's clock since 2008-01-01T00:00:00.
    PumpSeconds(u32)
    /// Seconds by the clock of a sensor or transmitter.
    SensorSeconds(u32)
    /// Days by the pump's calendar since 2008-01-01.
    PumpDays(u32)
    /// A share, in percent.
    Percent(u8)
    /// Electric tension, in millivolts.
    Millivolts(u16)
    /// Names one bolus among its neighbours; it is 16 bits wide and comes back.
    BolusId(u16)
}

/// Grams of carbohydrate that one unit of insulin covers, as the pump counts it: in thousandths. 0: the pump did not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CarbRatio {
    /// Thousandths of a gram per unit.
    pub thousandths: u32,
}

impl Scalar for CarbRatio {
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(Self { thousandths: raw.as_integer()?.try_into().ok()? })
    }

    fn to_raw(self, _: Wire) -> Raw {
        Raw::Integer(i64::from(self.thousandths))
    }
}

impl Serialize for CarbRatio {
    /// In grams per unit.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.thousandths) / 1000.0)
    }
}

/// Change of glucose, as the pump counts it: in tenths of a milligram per decilitre and minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trend {
    /// Tenths of a milligram per decilitre and minute.
    pub tenths: i16,
}

impl Trend {
    /// Milligrams per decilitre and minute.
    #[must_use]
    pub fn mg_dl_per_minute(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }
}

impl Scalar for Trend {
    fn from_raw(raw: Raw) -> Option<Self> {
        Some(Self { tenths: raw.as_integer()?.try_into().ok()? })
    }

    fn to_raw(self, _: Wire) -> Raw {
        Raw::Integer(i64::from(self.tenths))
    }
}

impl Serialize for Trend {
    /// In milligrams per decilitre and minute.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.mg_dl_per_minute())
    }
}

/// What a prime took, in units; the pump writes -1 where it recorded nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Prime(pub Option<Units>);

impl Scalar for Prime {
    fn from_raw(raw: Raw) -> Option<Self> {
        let units = Units::from_raw(raw)?;
        Some(Self((units.0 >= 0.0).then_some(units)))
    }

    fn to_raw(self, wire: Wire) -> Raw {
        wire.float(self.0.map_or(-1.0, |units| units.0))
    }
}

/// Insulin in millionths of a unit: what samples are added up in, so that no order of adding changes a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Microunits(pub u64);

impl Microunits {
    /// Rounds to the nearest millionth; `None` for what no pump delivers: negative, not a number, over 100,000 units.
    #[must_use]
    pub fn from_units(units: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1e11 after the check")]
        (0.0..=100_000.0).contains(&units).then(|| Self((units * 1e6).round() as u64))
    }

    /// Units.
    #[must_use]
    pub fn units(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 millionths")]
        let millionths = self.0 as f64;
        millionths / 1e6
    }
}

impl Serialize for Microunits {
    /// In units.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.units())
    }
}

impl<'de> Deserialize<'de> for Microunits {
    /// From units.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = f64::deserialize(deserializer)?;
        Self::from_units(units).ok_or_else(|| serde::de::Error::custom("not an amount of insulin"))
    }
}
