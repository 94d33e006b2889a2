//! The kinds of samples, and of the records that they lie in.

use tidegate_tandem::What;

/// What samples are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleKind {
    /// Insulin for a meal or to lower glucose.
    InsulinBolus,
    /// Insulin that is delivered all the time.
    InsulinBasal,
    /// Carbohydrates that were told to the pump.
    Carbohydrates,
    /// Glucose.
    Glucose,
    /// Something else that is worth knowing.
    Event,
}

impl SampleKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::InsulinBolus, Self::InsulinBasal, Self::Carbohydrates, Self::Glucose, Self::Event];

    /// The kind of a record that holds a day of them. It is part of such a record's id.
    #[must_use]
    pub const fn record_kind(self) -> &'static str {
        match self {
            Self::InsulinBolus => "samples.insulin-bolus",
            Self::InsulinBasal => "samples.insulin-basal",
            Self::Carbohydrates => "samples.carbohydrates",
            Self::Glucose => "samples.glucose",
            Self::Event => "samples.event",
        }
    }

    /// The kind whose records are of this kind, if they hold samples.
    #[must_use]
    pub fn of_record(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.record_kind() == kind)
    }

    /// The kind of a sample.
    #[must_use]
    pub const fn of(what: &What) -> Self {
        match what {
            What::InsulinBolus(_) => Self::InsulinBolus,
            What::InsulinBasal(_) => Self::InsulinBasal,
            What::Carbohydrates(_) => Self::Carbohydrates,
            What::Glucose(_) => Self::Glucose,
            What::Event(_) => Self::Event,
        }
    }
}
