//! Times: RFC 3339 with milliseconds and Z for programs, minutes in UTC for people.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FOR_PROGRAMS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const FOR_PEOPLE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]");

/// `2026-11-21T09:30:00.000Z`
pub(crate) fn rfc3339(moment: OffsetDateTime) -> String {
    format(moment, FOR_PROGRAMS)
}

/// `2026-11-21 09:30`, in UTC; headings say so.
pub(crate) fn minute(moment: OffsetDateTime) -> String {
    format(moment, FOR_PEOPLE)
}

/// `09:30:05`, in UTC.
pub(crate) fn clock_time(moment: OffsetDateTime) -> String {
    format(moment, format_description!("[hour]:[minute]:[second]"))
}

fn format(moment: OffsetDateTime, form: &[BorrowedFormatItem<'_>]) -> String {
    moment.to_offset(time::UtcOffset::UTC).format(form).expect("every part of these formats exists in every time")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds() {
        let moment = datetime!(2026-11-21 10:30:00.0409 +1);
        assert_eq!(rfc3339(moment), "2026-11-21T09:30:00.040Z");
        assert_eq!(minute(moment), "2026-11-21 09:30");
    }
}
