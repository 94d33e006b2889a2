//! Dates as SigV4 writes them: `20130524` and `20130524T000000Z`.

use time::{Date, OffsetDateTime, UtcOffset};

/// A moment in UTC, in whole seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    utc: OffsetDateTime,
}

impl Timestamp {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        // UTC is out of range only in the first and last hours of the calendar, which no store accepts anyway.
        let utc = now.checked_to_offset(UtcOffset::UTC).unwrap_or(now);
        Self { utc }
    }

    pub(crate) fn date(self) -> Date {
        self.utc.date()
    }

    /// `YYYYMMDDTHHMMSSZ`, the value of `X-Amz-Date`.
    pub(crate) fn push_date_time(self, out: &mut String) {
        push_date(self.utc.date(), out);
        out.push('T');
        push_two_digits(self.utc.hour(), out);
        push_two_digits(self.utc.minute(), out);
        push_two_digits(self.utc.second(), out);
        out.push('Z');
    }
}

/// `YYYYMMDD`, the date of the credential scope.
pub(crate) fn push_date(date: Date, out: &mut String) {
    let year = date.year().unsigned_abs() % 10_000;
    let (century, year_of_century) = (year / 100, year % 100);
    for pair in [century, year_of_century] {
        push_two_digits(u8::try_from(pair).expect("a remainder of 100 fits"), out);
    }
    push_two_digits(u8::from(date.month()), out);
    push_two_digits(date.day(), out);
}

fn push_two_digits(number: u8, out: &mut String) {
    out.push(char::from(b'0' + number / 10));
    out.push(char::from(b'0' + number % 10));
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn time_is_written_in_utc() {
        let mut out = String::new();
        Timestamp::new(datetime!(2013-05-24 01:02:03.999 +02:00)).push_date_time(&mut out);
        assert_eq!(out, "20130523T230203Z");
    }

    #[test]
    fn date_is_padded() {
        let mut out = String::new();
        push_date(date!(0987 - 01 - 02), &mut out);
        assert_eq!(out, "09870102");
    }
}
