//! What an account may use up in a day: signed bytes, deletions.
//!
//! Counted in memory, by each replica for itself: a bound on damage, not an account of use.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidegate_protocol::UserId;
use time::OffsetDateTime;

use crate::clock::day_of;

/// A number of units for each account and day (UTC).
pub(crate) struct DailyBudget {
    most: u64,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    day: u32,
    units: HashMap<UserId, u64>,
}

impl DailyBudget {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, spent: Mutex::default() }
    }

    /// Takes `units` off the account's day; `false`, and nothing taken, if fewer are left.
    pub(crate) fn take(&self, user: UserId, units: u64, now: OffsetDateTime) -> bool {
        if units == 0 {
            return true;
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let today = day_of(now);
        if spent.day != today {
            *spent = Spent { day: today, units: HashMap::new() };
        }
        let of_user = spent.units.entry(user).or_default();
        match of_user.checked_add(units) {
            Some(sum) if sum <= self.most => {
                *of_user = sum;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_budget_is_of_one_user_and_one_day() {
        let now = datetime!(2026-11-21 23:59 UTC);
        let (one, other) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let budget = DailyBudget::new(10);
        assert!(budget.take(one, 7, now));
        assert!(!budget.take(one, 4, now));
        assert!(budget.take(one, 3, now));
        assert!(!budget.take(one, u64::MAX, now));
        assert!(budget.take(other, 10, now));
        assert!(budget.take(one, 10, now + Duration::minutes(1)));
    }
}
