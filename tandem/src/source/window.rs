//! The days that one request asks for.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// How many days a request may ask for, the first and the last one included.
pub const MOST_DAYS: i32 = 28;

/// Days by the pump's clock, both ends included; at most [`MOST_DAYS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    from: Date,
    to: Date,
}

impl Window {
    /// From one day to another; `None` if it ends before it begins, or has more days than a request may ask for.
    #[must_use]
    pub fn new(from: Date, to: Date) -> Option<Self> {
        let days = from.until(to).ok()?.get_days() + 1;
        (1..=MOST_DAYS).contains(&days).then_some(Self { from, to })
    }

    /// As few as hold all days from one to another, in order; they do not overlap. None if it ends before it begins.
    pub fn split(from: Date, to: Date) -> impl Iterator<Item = Self> {
        let mut next = (from <= to).then_some(from);
        std::iter::from_fn(move || {
            let begin = next?;
            let end = begin.saturating_add((MOST_DAYS - 1).days()).min(to);
            next = end.tomorrow().ok().filter(|day| *day <= to);
            Some(Self { from: begin, to: end })
        })
    }

    /// The first day.
    #[must_use]
    pub const fn from(&self) -> Date {
        self.from
    }

    /// The last day.
    #[must_use]
    pub const fn to(&self) -> Date {
        self.to
    }

    /// Whether a day is one of these.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}
