//! Which days of a pump's log to ask for.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use tidegate_tandem::OVERLAP_HOURS;
use tidegate_tandem::source::{MOST_DAYS, Window};

use super::cursor::Read;

/// How much of a log is read at first, if nobody says since when.
const FIRST_DAYS: i64 = 7;
/// How many days before the last one read are read again each time: what a pump, a phone or a sensor delivered late. What comes
/// later than this is found by reading again from an earlier day.
const LATE_DAYS: i64 = 7;
/// What each window has in common with the one before.
const OVERLAP_DAYS: i64 = OVERLAP_HOURS / 24;
/// How far behind the last day that the service tells of is asked: it need not be up to date, nor the pump in its wearer's zone.
const BEYOND_DAYS: i64 = 2;
/// How long after an upload the service may still be taking it in.
const SETTLES: SignedDuration = SignedDuration::from_hours(1);

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The first day whose samples are wanted; earlier ones are read for what reaches into it, and not kept.
    pub(super) from: Date,
    /// Requests, in order. Each but the first begins before the one before it ends.
    pub(super) windows: Vec<Window>,
    /// The last day that there is anything of.
    pub(super) last: Date,
    /// The day that was read to before, if reading goes on from there.
    before: Option<Date>,
}

impl Plan {
    /// What to ask for, if the service has this much of the log. `since` begins anew where it lies before what was read.
    pub(super) fn new(read: Option<&Read>, available: (DateTime, DateTime), since: Option<Date>, today: Date) -> Self {
        let (first, last) = (available.0.date(), available.1.date());
        let last = last.min(today);
        let resumed = read.filter(|read| since.is_none_or(|since| read.from <= since));
        let (from, start) = match resumed {
            Some(read) => (read.from, less(read.to, LATE_DAYS).max(read.from)),
            None => {
                let from = since.unwrap_or_else(|| less(last, FIRST_DAYS));
                (from, from)
            }
        };
        let begin = less(start, OVERLAP_DAYS).max(first);
        let end = more(last, BEYOND_DAYS);
        Self { from, windows: windows(begin, end), last, before: resumed.map(|read| read.to) }
    }

    /// How far was read once this window is written.
    pub(super) fn read_to(&self, window: Window) -> Date {
        // Beyond the last day nothing was uploaded yet: it will be, and is not passed over.
        let to = window.to().min(self.last);
        self.before.map_or(to, |before| before.max(to))
    }
}

/// Windows of the greatest length that overlap.
fn windows(begin: Date, end: Date) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut next = begin;
    while let Some(window) = Window::new(next, more(next, i64::from(MOST_DAYS) - 1).min(end)) {
        windows.push(window);
        if window.to() == end {
            break;
        }
        next = less(window.to(), OVERLAP_DAYS - 1);
    }
    windows
}

/// Whether there can be nothing new: nothing was uploaded since all was read, and the service had time to take it in.
pub(super) fn is_unchanged(read: Option<&Read>, last_upload: Option<Timestamp>) -> bool {
    let (Some(completed_at), Some(uploaded)) = (read.and_then(|read| read.completed_at), last_upload) else { return false };
    uploaded.saturating_add(SETTLES).is_ok_and(|settled| settled < completed_at)
}

fn less(day: Date, days: i64) -> Date {
    day.saturating_sub(days.days())
}

fn more(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 20);

    fn available(from: Date, to: Date) -> (DateTime, DateTime) {
        (from.at(0, 0, 0, 0), to.at(12, 0, 0, 0))
    }

    fn read(from: Date, to: Date) -> Read {
        Read { from, to, completed_at: None, rules: super::super::cursor::RULES }
    }

    fn spans(plan: &Plan) -> Vec<(Date, Date)> {
        plan.windows.iter().map(|window| (window.from(), window.to())).collect()
    }

    #[test]
    fn at_first_a_week_is_read_with_what_reaches_into_it() {
        let plan = Plan::new(None, available(date(2026, 1, 1), TODAY), None, TODAY);
        assert_eq!((plan.from, spans(&plan)), (date(2026, 11, 13), vec![(date(2026, 11, 11), date(2026, 11, 22))]));
        assert_eq!(plan.read_to(plan.windows[0]), TODAY);
    }

    #[test]
    fn of_a_pump_that_was_given_up_the_last_week_is_read() {
        let plan = Plan::new(None, available(date(2024, 1, 1), date(2025, 3, 9)), None, TODAY);
        assert_eq!(plan.from, date(2025, 3, 2));
        assert_eq!(plan.read_to(plan.windows[0]), date(2025, 3, 9));
    }

    #[test]
    fn a_year_is_read_in_windows_that_overlap_by_two_days_and_leave_nothing_out() {
        let first = date(2025, 11, 20);
        let plan = Plan::new(None, available(first, TODAY), Some(first), TODAY);
        let spans = spans(&plan);
        assert_eq!(spans.first().unwrap().0, first);
        assert_eq!(spans.last().unwrap().1, date(2026, 11, 22));
        assert!(spans.windows(2).all(|pair| pair[1].0 == less(pair[0].1, 1)), "{spans:?}");
        assert_eq!(spans.len(), 15);
    }

    #[test]
    fn reading_goes_on_a_week_before_its_end_and_never_goes_back() {
        let before = read(date(2026, 10, 1), date(2026, 11, 18));
        let plan = Plan::new(Some(&before), available(date(2026, 1, 1), TODAY), None, TODAY);
        assert_eq!((plan.from, spans(&plan)), (date(2026, 10, 1), vec![(date(2026, 11, 9), date(2026, 11, 22))]));
        let shrunk = Plan::new(Some(&before), available(date(2026, 1, 1), date(2026, 11, 16)), None, TODAY);
        assert_eq!(shrunk.read_to(shrunk.windows[0]), date(2026, 11, 18));
    }

    #[test]
    fn an_earlier_beginning_reads_anew_and_a_later_one_changes_nothing() {
        let before = read(date(2026, 11, 1), date(2026, 11, 18));
        let all = available(date(2026, 1, 1), TODAY);
        let earlier = Plan::new(Some(&before), all, Some(date(2026, 9, 1)), TODAY);
        assert_eq!((earlier.from, earlier.windows[0].from()), (date(2026, 9, 1), date(2026, 8, 30)));
        assert_eq!(earlier.read_to(earlier.windows[0]), earlier.windows[0].to(), "if it is stopped here, it goes on here");
        let later = Plan::new(Some(&before), all, Some(date(2026, 11, 10)), TODAY);
        assert_eq!(later, Plan { ..Plan::new(Some(&before), all, None, TODAY) });
    }

    #[test]
    fn what_the_service_has_not_is_not_asked_for() {
        let plan = Plan::new(None, available(date(2026, 11, 18), TODAY), Some(date(2020, 1, 1)), TODAY);
        assert_eq!((plan.from, spans(&plan)), (date(2020, 1, 1), vec![(date(2026, 11, 18), date(2026, 11, 22))]));
        let ahead = Plan::new(None, available(date(2027, 5, 1), date(2027, 5, 9)), None, TODAY);
        assert_eq!(spans(&ahead), []);
    }

    #[test]
    fn a_log_is_unchanged_if_nothing_came_since_an_hour_before_it_was_read() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let read = Read { completed_at: at("2026-11-20T10:00:00Z"), ..read(TODAY, TODAY) };
        assert!(is_unchanged(Some(&read), at("2026-11-20T08:59:00Z")));
        assert!(!is_unchanged(Some(&read), at("2026-11-20T09:01:00Z")));
        assert!(!is_unchanged(Some(&read), None));
        assert!(!is_unchanged(None, at("2026-11-20T08:59:00Z")));
    }
}
