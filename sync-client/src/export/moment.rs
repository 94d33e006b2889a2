//! Moments in the forms that others want.

use tidegate_tandem::Moment;

/// `2026-11-01T04:10:15.000Z`
pub(crate) fn utc(moment: &Moment) -> String {
    format!("{:.3}", moment.utc)
}

/// Milliseconds since 1970.
pub(crate) fn millis(moment: &Moment) -> i64 {
    moment.utc.as_millisecond()
}

/// What the pump's clock was ahead of UTC, in whole minutes.
pub(crate) fn offset_minutes(moment: &Moment) -> i32 {
    moment.offset_seconds.div_euclid(60)
}

/// `2026-11-01T00:10:15-04:00`: the instant, told by the pump's clock.
pub(crate) fn with_offset(moment: &Moment) -> String {
    if moment.clamped || moment.offset_seconds % 60 != 0 {
        return utc(moment);
    }
    let (sign, minutes) = if moment.offset_seconds < 0 { ('-', -offset_minutes(moment)) } else { ('+', offset_minutes(moment)) };
    format!("{:.3}{sign}{:02}:{:02}", moment.wall.civil(), minutes / 60, minutes % 60)
}

/// From `start` to `end`, in milliseconds; never negative.
pub(crate) fn duration_millis(start: &Moment, end: &Moment) -> i64 {
    (millis(end) - millis(start)).max(0)
}

/// The same in minutes.
pub(crate) fn duration_minutes(start: &Moment, end: &Moment) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no sample lasts 2^53 milliseconds")]
    let millis = duration_millis(start, end) as f64;
    millis / 60_000.0
}
