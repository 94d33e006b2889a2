//! From samples to quantities of HealthKit.

use tidegate_tandem::{GlucoseRange, InsulinBasal, InsulinBolus, Sample, What, WithdrawnKind};

/// What a sample is to Apple Health.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quantity {
    /// Nothing that it has a type for.
    Foreign,
    /// Of a type that it has, and no amount: not to be written, and to be taken back if an earlier version was.
    Nothing(&'static str),
    /// An amount.
    Amount(Amount),
}

/// An amount as HealthKit takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Amount {
    /// `HKQuantityTypeIdentifier`.
    pub(crate) kind: &'static str,
    /// As `HKUnit(from:)` reads it.
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    /// `HKInsulinDeliveryReason`: HealthKit refuses insulin without it.
    pub(crate) reason: Option<Reason>,
    /// Whether somebody typed it in.
    pub(crate) by_hand: bool,
}

/// `HKInsulinDeliveryReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Basal = 1,
    Bolus = 2,
}

const INSULIN: &str = "HKQuantityTypeIdentifierInsulinDelivery";
const CARBOHYDRATES: &str = "HKQuantityTypeIdentifierDietaryCarbohydrates";
const GLUCOSE: &str = "HKQuantityTypeIdentifierBloodGlucose";

/// What a sample is to Apple Health. It takes no insulin of zero units, and no glucose without a number.
pub(crate) fn quantity(sample: &Sample) -> Quantity {
    match &sample.what {
        What::InsulinBolus(InsulinBolus { units, .. }) => insulin(units.units(), Reason::Bolus),
        What::InsulinBasal(InsulinBasal { units, .. }) => insulin(units.units(), Reason::Basal),
        What::Carbohydrates(carbohydrates) => amount(CARBOHYDRATES, "g", carbohydrates.grams, None, false),
        What::Glucose(glucose) => {
            // A number beyond the sensor's range is the range's end, not what was measured.
            let value = glucose.mg_dl.filter(|_| glucose.range == GlucoseRange::Within).map_or(0.0, f64::from);
            amount(GLUCOSE, "mg/dL", value, None, glucose.device == "meter")
        }
        What::Event(_) => Quantity::Foreign,
    }
}

/// The type of what is no sample any more.
pub(crate) const fn type_of(kind: WithdrawnKind) -> &'static str {
    match kind {
        WithdrawnKind::InsulinBasal => INSULIN,
        WithdrawnKind::Carbohydrates => CARBOHYDRATES,
        WithdrawnKind::Glucose => GLUCOSE,
    }
}

fn insulin(units: f64, reason: Reason) -> Quantity {
    amount(INSULIN, "IU", units, Some(reason), false)
}

fn amount(kind: &'static str, unit: &'static str, value: f64, reason: Option<Reason>, by_hand: bool) -> Quantity {
    if value.is_finite() && value > 0.0 {
        Quantity::Amount(Amount { kind, unit, value, reason, by_hand })
    } else {
        Quantity::Nothing(kind)
    }
}
