//! When to sync next. Pure: time is an argument, in milliseconds since any fixed moment, and so is chance.

use std::time::Duration;

use crate::error::{Class, Error};

/// How often a watching device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The mean pause while there is something going on; each pause is drawn between two thirds and four thirds of it, so that
    /// devices that woke together do not ask together.
    pub active: Duration,
    /// How long after the last news a device counts as active.
    pub active_for: Duration,
    /// The mean pause to which an idle device comes, doubling.
    pub longest: Duration,
    /// How long an edit waits for the next one, so that those of one moment travel together.
    pub settle: Duration,
    /// The mean pause after a first failure; it doubles with each further one.
    pub first_retry: Duration,
    /// The longest mean pause after failures.
    pub longest_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            active: Duration::from_secs(45),
            active_for: Duration::from_secs(10 * 60),
            longest: Duration::from_secs(10 * 60),
            settle: Duration::from_secs(1),
            first_retry: Duration::from_secs(15),
            longest_retry: Duration::from_secs(15 * 60),
        }
    }
}

/// Why the next sync is when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// To ask for what others did.
    Poll,
    /// To send an edit.
    Edit,
    /// To try again after a failure.
    Retry,
    /// The month's budget for requests allows it no sooner.
    Budget,
}

impl Why {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Edit => "edit",
            Self::Retry => "retry",
            Self::Budget => "budget",
        }
    }
}

/// The next sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// How long until then.
    pub wait: Duration,
    /// Why.
    pub why: Why,
}

/// Decides when the next sync is due.
#[derive(Debug, Clone)]
pub struct Schedule {
    pace: Pace,
    due_ms: u64,
    /// The longest that the wait for `due_ms` may be: a clock that is set back must not make it longer.
    longest_wait_ms: u64,
    why: Why,
    last_news_ms: u64,
    idle_polls: u32,
    failures: u32,
    /// Before this, nothing: the other side asked to be left alone, or the last failure is too fresh.
    rest_until_ms: u64,
}

impl Schedule {
    /// Due at once, and active.
    #[must_use]
    pub const fn new(pace: Pace, now_ms: u64) -> Self {
        Self {
            pace,
            due_ms: now_ms,
            longest_wait_ms: 0,
            why: Why::Poll,
            last_news_ms: now_ms,
            idle_polls: 0,
            failures: 0,
            rest_until_ms: 0,
        }
    }

    /// A sync ended well; `news` says whether it sent or brought anything. `chance` is drawn from 0 to 1.
    pub fn synced(&mut self, now_ms: u64, news: bool, chance: f64) {
        self.failures = 0;
        self.rest_until_ms = 0;
        if news {
            self.last_news_ms = now_ms;
        }
        let is_active = now_ms.saturating_sub(self.last_news_ms) < millis(self.pace.active_for);
        self.idle_polls = if is_active { 0 } else { self.idle_polls.saturating_add(1) };
        let mean = doubled(self.pace.active, self.idle_polls, self.pace.longest);
        self.wait(now_ms, mean.mul_f64(2.0 / 3.0 + unit(chance) * 2.0 / 3.0), Why::Poll);
    }

    /// A sync failed and is worth repeating. What the other side asked for is kept to.
    pub fn failed(&mut self, now_ms: u64, retry_after: Option<Duration>, chance: f64) {
        let mean = doubled(self.pace.first_retry, self.failures, self.pace.longest_retry);
        self.failures = self.failures.saturating_add(1);
        let own = mean.mul_f64(0.5 + unit(chance) / 2.0);
        self.wait(now_ms, retry_after.map_or(own, |asked| asked.max(own)), Why::Retry);
        // An edit may come sooner than the next try, but not much, and not against the other side's wish.
        let rest = retry_after.unwrap_or_default().max(self.pace.first_retry.mul_f64(0.5));
        self.rest_until_ms = now_ms.saturating_add(millis(rest));
    }

    /// Something was edited here. A person is at work: the device is active.
    pub fn edited(&mut self, now_ms: u64) {
        self.last_news_ms = now_ms;
        self.idle_polls = 0;
        let at = now_ms.saturating_add(millis(self.pace.settle)).max(self.rest_until_ms);
        if at <= self.due_ms {
            self.due_ms = at;
            self.longest_wait_ms = at.saturating_sub(now_ms);
            self.why = Why::Edit;
        }
    }

    /// The next sync, no sooner than `budget_ms`, from which on it can be paid for.
    #[must_use]
    pub fn next(&self, now_ms: u64, budget_ms: u64) -> Next {
        let due_in = self.due_ms.saturating_sub(now_ms).min(self.longest_wait_ms);
        let paid_in = budget_ms.saturating_sub(now_ms);
        let (wait, why) = if paid_in > due_in { (paid_in, Why::Budget) } else { (due_in, self.why) };
        Next { wait: Duration::from_millis(wait), why }
    }

    /// Whether the next sync is to send an edit.
    #[must_use]
    pub const fn is_for_edit(&self) -> bool {
        matches!(self.why, Why::Edit)
    }

    fn wait(&mut self, now_ms: u64, wait: Duration, why: Why) {
        self.longest_wait_ms = millis(wait);
        self.due_ms = now_ms.saturating_add(self.longest_wait_ms);
        self.why = why;
    }
}

/// Whether a failure is over by itself some day. The rest needs a person: repeating it would hide it.
#[must_use]
pub fn passes_by_itself(error: &Error) -> bool {
    match error.class() {
        Class::Retry | Class::Conflict => true,
        Class::Reauthenticate
        | Class::Corrupt
        | Class::Invalid
        | Class::Denied
        | Class::NotFound
        | Class::Decide
        | Class::Bug => false,
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
}

const fn unit(chance: f64) -> f64 {
    chance.clamp(0.0, 1.0)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000_000;

    fn schedule() -> Schedule {
        Schedule::new(Pace::default(), START)
    }

    fn wait(schedule: &Schedule, now_ms: u64) -> (u64, Why) {
        let next = schedule.next(now_ms, 0);
        (u64::try_from(next.wait.as_millis()).unwrap(), next.why)
    }

    #[test]
    fn the_first_sync_is_at_once() {
        assert_eq!(wait(&schedule(), START), (0, Why::Poll));
    }

    #[test]
    fn an_active_device_asks_every_thirty_to_sixty_seconds() {
        for (chance, millis) in [(0.0, 30_000), (0.5, 45_000), (1.0, 60_000), (7.0, 60_000)] {
            let mut schedule = schedule();
            schedule.synced(START, true, chance);
            assert_eq!(wait(&schedule, START), (millis, Why::Poll), "{chance}");
            assert_eq!(wait(&schedule, START + 10_000).0, millis - 10_000);
            assert_eq!(wait(&schedule, START + 100_000).0, 0);
        }
    }

    #[test]
    fn an_idle_device_asks_ever_less_and_at_last_every_ten_minutes() {
        let mut schedule = schedule();
        let mut now = START;
        let mut pauses = Vec::new();
        for _ in 0..20 {
            schedule.synced(now, false, 0.5);
            let pause = wait(&schedule, now).0;
            pauses.push(pause / 1_000);
            now += pause;
        }
        // Active for ten minutes, then doubling.
        assert_eq!(pauses[..14], [45; 14]);
        assert_eq!(pauses[14..], [90, 180, 360, 600, 600, 600]);
        schedule.synced(now, true, 0.5);
        assert_eq!(wait(&schedule, now).0, 45_000, "news make it active again");
    }

    #[test]
    fn an_edit_is_sent_at_once_with_those_of_the_same_moment() {
        let mut schedule = schedule();
        schedule.synced(START, false, 0.5);
        schedule.edited(START + 5_000);
        assert_eq!(wait(&schedule, START + 5_000), (1_000, Why::Edit));
        schedule.edited(START + 5_900);
        assert_eq!(wait(&schedule, START + 5_900), (100, Why::Edit), "a stream of edits does not put it off");
        assert!(schedule.is_for_edit());
        schedule.synced(START + 6_500, true, 0.5);
        assert_eq!(wait(&schedule, START + 6_500), (45_000, Why::Poll));
    }

    #[test]
    fn an_edit_does_not_put_off_a_sync_that_is_due() {
        let mut schedule = schedule();
        schedule.synced(START, true, 0.5);
        schedule.edited(START + 44_800);
        assert_eq!(wait(&schedule, START + 44_800), (200, Why::Poll));
    }

    #[test]
    fn failures_back_off_with_jitter_and_success_ends_that() {
        let mut schedule = schedule();
        let mut means = Vec::new();
        for _ in 0..9 {
            schedule.failed(START, None, 1.0);
            means.push(wait(&schedule, START).0 / 1_000);
        }
        assert_eq!(means, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
        schedule.failed(START, None, 0.0);
        assert_eq!(wait(&schedule, START), (450_000, Why::Retry));
        schedule.synced(START, false, 0.5);
        schedule.failed(START, None, 1.0);
        assert_eq!(wait(&schedule, START).0, 15_000);
    }

    #[test]
    fn retry_after_is_kept_even_against_an_edit() {
        let mut schedule = schedule();
        schedule.failed(START, Some(Duration::from_secs(3_600)), 1.0);
        assert_eq!(wait(&schedule, START), (3_600_000, Why::Retry));
        schedule.edited(START + 60_000);
        assert_eq!(wait(&schedule, START + 60_000).0, 3_540_000);
        schedule.failed(START, Some(Duration::from_millis(10)), 1.0);
        assert_eq!(wait(&schedule, START).0, 30_000, "a short wish does not cut one's own patience");
    }

    #[test]
    fn an_edit_shortens_a_long_back_off_but_does_not_press() {
        let mut schedule = schedule();
        for _ in 0..6 {
            schedule.failed(START, None, 1.0);
        }
        schedule.edited(START + 100);
        assert_eq!(wait(&schedule, START + 100), (7_400, Why::Edit));
        schedule.edited(START + 60_000);
        assert_eq!(wait(&schedule, START + 60_000).0, 0, "it is due by now");
    }

    #[test]
    fn the_budget_comes_last() {
        let mut schedule = schedule();
        schedule.synced(START, true, 0.5);
        let next = schedule.next(START, START + 300_000);
        assert_eq!((next.wait.as_secs(), next.why), (300, Why::Budget));
        assert_eq!(schedule.next(START, START + 10_000).why, Why::Poll);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let mut schedule = schedule();
        schedule.synced(START, true, 0.5);
        assert_eq!(wait(&schedule, START - 86_400_000).0, 45_000);
    }
}
