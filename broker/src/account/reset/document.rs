//! How a reset stands, and what may become of it: pure.

use serde::{Deserialize, Serialize};
use tidegate_protocol::wire::timestamp;
use tidegate_protocol::{Sha256, UserId};
use time::{Duration, OffsetDateTime};

const FORMAT: &str = "tidegate/account-reset/v1";
/// An identity moves no sooner than this after it was asked for.
pub(super) const MOVES_AFTER: Duration = Duration::days(7);
/// So long after it moved a proof by the old account moves it back.
pub(super) const RETURNABLE: Duration = Duration::days(180);
/// One that nobody comes back for is forgotten so long after its time, and keeps nobody else from asking.
const LAPSES_AFTER: Duration = Duration::days(30);
/// Whoever was refused by the account's owner does not ask again for so long.
const REST: Duration = Duration::days(7);

/// `_tidegate/accounts/{user}/resets/{identity}.json`: by an identity that leads, or led, to this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResetDocument {
    pub(crate) format: String,
    /// The account that the identity is to lead to.
    pub(crate) to: UserId,
    #[serde(with = "timestamp")]
    pub(crate) asked_at: OffsetDateTime,
    /// Another name of the same customer, which moves with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) also: Option<Sha256>,
    /// When whoever holds the account ended it, before it moved or after.
    #[serde(default, with = "timestamp::option", skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<OffsetDateTime>,
}

/// What asking leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A reset begins.
    Begins,
    /// It was asked for before, and its time has not come.
    Waits,
    /// Its time has come.
    Due,
    /// One to another account is under way.
    Other,
    /// The account's owner has ended it a short while ago.
    Cancelled,
}

impl ResetDocument {
    pub(crate) fn new(to: UserId, also: Option<Sha256>, now: OffsetDateTime) -> Self {
        Self { format: FORMAT.to_owned(), to, asked_at: now, also, cancelled_at: None }
    }

    pub(super) fn moves_at(&self) -> OffsetDateTime {
        self.asked_at + MOVES_AFTER
    }

    /// Whether it has not been cancelled.
    pub(super) const fn stands(&self) -> bool {
        self.cancelled_at.is_none()
    }

    /// What it means that a reset to this account is asked for.
    pub(super) fn ask(known: Option<&Self>, to: UserId, now: OffsetDateTime) -> Asked {
        let Some(known) = known else { return Asked::Begins };
        match known.cancelled_at {
            Some(at) if now - at < REST => Asked::Cancelled,
            Some(_) => Asked::Begins,
            None if now >= known.moves_at() + LAPSES_AFTER => Asked::Begins,
            None if known.to != to => Asked::Other,
            None if now < known.moves_at() => Asked::Waits,
            None => Asked::Due,
        }
    }

    /// Whether a proof by the old account takes the identity back that moved at this time.
    pub(super) fn is_returnable(moved_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        now - moved_at < RETURNABLE
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);

    #[test]
    fn it_waits_a_week_and_a_cancelled_one_rests_as_long() {
        let (to, other) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let reset = ResetDocument::new(to, None, NOW);
        let second = Duration::SECOND;
        assert_eq!(ResetDocument::ask(None, to, NOW), Asked::Begins);
        assert_eq!(ResetDocument::ask(Some(&reset), to, NOW + MOVES_AFTER - second), Asked::Waits);
        assert_eq!(ResetDocument::ask(Some(&reset), to, NOW + MOVES_AFTER), Asked::Due);
        assert_eq!(ResetDocument::ask(Some(&reset), other, NOW + MOVES_AFTER), Asked::Other);
        for asker in [to, other] {
            let lapsed = NOW + MOVES_AFTER + LAPSES_AFTER;
            assert_ne!(ResetDocument::ask(Some(&reset), asker, lapsed - second), Asked::Begins);
            assert_eq!(ResetDocument::ask(Some(&reset), asker, lapsed), Asked::Begins);
        }
        let cancelled = ResetDocument { cancelled_at: Some(NOW), ..reset.clone() };
        for asker in [to, other] {
            assert_eq!(ResetDocument::ask(Some(&cancelled), asker, NOW + REST - second), Asked::Cancelled);
            assert_eq!(ResetDocument::ask(Some(&cancelled), asker, NOW + REST), Asked::Begins);
        }
        assert!(ResetDocument::is_returnable(NOW, NOW + RETURNABLE - second));
        assert!(!ResetDocument::is_returnable(NOW, NOW + RETURNABLE));
    }
}
