//! What an account may use up in a day: signed bytes, deletions.
//!
//! Counted in memory, by each replica for itself: a bound on damage, not an account of use.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidegate_protocol::Sha256;
use tidegate_protocol::UserId;
use time::OffsetDateTime;

use crate::clock::day_of;

/// Payers of one day that are remembered: beyond, nobody new is served, or the map would grow without bound.
const MOST_PAYERS: usize = 1_000_000;

/// On whose day something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    /// A linked account.
    Account(UserId),
    /// An outside identity that opens no account yet. Its user id is free to make: counted by that, one invite would have as many
    /// days as it likes.
    Identity(Sha256),
}

/// A number of units for each payer and day (UTC).
pub(crate) struct DailyBudget {
    most: u64,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    day: u32,
    units: HashMap<Payer, u64>,
}

impl DailyBudget {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, spent: Mutex::default() }
    }

    /// Takes `units` off the payer's day; `false`, and nothing taken, if fewer are left.
    pub(crate) fn take(&self, payer: Payer, units: u64, now: OffsetDateTime) -> bool {
        if units == 0 {
            return true;
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let today = day_of(now);
        if spent.day != today {
            *spent = Spent { day: today, units: HashMap::new() };
        }
        if spent.units.len() >= MOST_PAYERS && !spent.units.contains_key(&payer) {
            return false;
        }
        let of_payer = spent.units.entry(payer).or_default();
        match of_payer.checked_add(units) {
            Some(sum) if sum <= self.most => {
                *of_payer = sum;
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
    fn a_budget_is_of_one_payer_and_one_day() {
        let now = datetime!(2026-11-21 23:59 UTC);
        let one = Payer::Account(UserId::new(Uuid::from_u128(1)));
        let other = Payer::Identity(Sha256::from_bytes([2; 32]));
        let budget = DailyBudget::new(10);
        assert!(budget.take(one, 7, now));
        assert!(!budget.take(one, 4, now));
        assert!(budget.take(one, 3, now));
        assert!(!budget.take(one, u64::MAX, now));
        assert!(budget.take(other, 10, now));
        assert!(budget.take(one, 10, now + Duration::minutes(1)));
    }
}
