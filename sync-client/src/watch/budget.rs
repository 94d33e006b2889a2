//! What requests may cost in a month. Pure.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::cost::RequestPrices;
use crate::report::Requests;

/// A poll: the one conditional GET.
pub(super) const POLL: Requests = Requests { get: 1, put: 0, head: 0, list: 0, delete: 0, presign: 0, renew: 0 };
/// An edit: doorbell read, object, segment and doorbell written.
pub(super) const EDIT: Requests = Requests { get: 1, put: 3, head: 0, list: 0, delete: 0, presign: 0, renew: 0 };

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a device's requests may cost in a calendar month (UTC), in 10^-9 US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The most.
    pub nanodollars: u64,
}

impl Budget {
    /// Five cents: at Amazon's prices some 125,000 polls, one every 21 seconds.
    pub const DEFAULT: Self = Self { nanodollars: 50_000_000 };

    /// From when on one more sync of this price is within the budget. It is handed out evenly over the month, with a day's
    /// share in hand: a burst must not leave a device deaf until the month ends.
    #[must_use]
    pub(crate) fn earliest_ms(&self, prices: &RequestPrices, spent: &Requests, next: &Requests, now_ms: u64) -> u64 {
        let needed = prices.nanodollars(spent).saturating_add(prices.nanodollars(next));
        if prices.nanodollars(next) == 0 {
            return now_ms;
        }
        let (begins_ms, ends_ms) = month_of(now_ms);
        if needed > self.nanodollars {
            return ends_ms;
        }
        let length = u128::from(ends_ms - begins_ms);
        let covered = u128::from(needed) * length / u128::from(self.nanodollars.max(1));
        let at = begins_ms.saturating_add(u64::try_from(covered).unwrap_or(u64::MAX)).saturating_sub(DAY_MS);
        at.clamp(now_ms, ends_ms.max(now_ms))
    }
}

/// First and last moment of the calendar month (UTC), in milliseconds since 1970; the last is the next one's first.
fn month_of(now_ms: u64) -> (u64, u64) {
    let date = date_of(now_ms);
    let first = |year, month| {
        let date = Date::from_calendar_date(year, month, 1).unwrap_or(date);
        let moment = PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc();
        u64::try_from(moment.unix_timestamp() * 1_000).unwrap_or(0)
    };
    let (year, month) = (date.year(), date.month());
    let next = if month == Month::December { (year + 1, Month::January) } else { (year, month.next()) };
    (first(year, month), first(next.0, next.1))
}

/// The name of the calendar month (UTC), as `2026-11`.
pub(crate) fn month_name(now_ms: u64) -> String {
    let date = date_of(now_ms);
    format!("{:04}-{:02}", date.year(), u8::from(date.month()))
}

fn date_of(now_ms: u64) -> Date {
    let seconds = i64::try_from(now_ms / 1_000).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).date()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::cost::store_named;

    fn at(moment: OffsetDateTime) -> u64 {
        u64::try_from(moment.unix_timestamp() * 1_000).unwrap()
    }

    fn spent(get: u64, put: u64) -> Requests {
        Requests { get, put, ..Requests::default() }
    }

    fn earliest(spent: Requests, next: &Requests, now: OffsetDateTime) -> OffsetDateTime {
        let prices = &store_named("aws-us-east-1").unwrap().requests;
        let at = Budget::DEFAULT.earliest_ms(prices, &spent, next, at(now));
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).unwrap()
    }

    #[test]
    fn a_device_that_polls_at_its_pace_never_waits_for_the_budget() {
        // A poll every 45 s since the first of the month.
        let now = datetime!(2026-11-21 12:00 UTC);
        let polls = (now - datetime!(2026-11-01 0:00 UTC)).whole_seconds().unsigned_abs() / 45;
        assert_eq!(earliest(spent(polls, 0), &POLL, now), now);
        assert_eq!(earliest(Requests::default(), &EDIT, datetime!(2026-11-01 0:00 UTC)), datetime!(2026-11-01 0:00 UTC));
    }

    #[test]
    fn what_is_spent_too_early_is_waited_for() {
        // 3,333 writes are a third of the budget: that much is handed out on the 11th, less the day in hand.
        let now = datetime!(2026-11-02 0:00 UTC);
        let at = earliest(spent(0, 3_333), &POLL, now);
        assert!((at - datetime!(2026-11-10 0:00 UTC)).abs() < time::Duration::minutes(10), "{at}");
        // An edit asks for more than a poll, and waits a little longer.
        assert!(earliest(spent(0, 3_333), &EDIT, now) > at);
    }

    #[test]
    fn a_spent_budget_waits_for_the_next_month() {
        assert_eq!(earliest(spent(0, 10_001), &POLL, datetime!(2026-11-21 0:00 UTC)), datetime!(2026-12-01 0:00 UTC));
        assert_eq!(earliest(spent(0, 10_001), &POLL, datetime!(2026-12-31 23:59 UTC)), datetime!(2027-01-01 0:00 UTC));
    }

    #[test]
    fn where_requests_cost_nothing_nothing_is_waited_for() {
        let prices = &store_named("self-hosted").unwrap().requests;
        assert_eq!(Budget { nanodollars: 0 }.earliest_ms(prices, &spent(1 << 40, 1 << 40), &EDIT, 77), 77);
    }

    #[test]
    fn months_have_names() {
        assert_eq!(month_name(at(datetime!(2026-02-28 23:59:59 UTC))), "2026-02");
        assert_eq!(
            month_of(at(datetime!(2028-02-10 0:00 UTC))),
            (at(datetime!(2028-02-01 0:00 UTC)), at(datetime!(2028-03-01 0:00 UTC)))
        );
    }
}
