//! Whether a transaction was taken back.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::purchase::is_family_shared;
use crate::millis;
use crate::notification::NotificationType;
use crate::transaction::Transaction;

/// The App Store's word on one transaction. Of two the later one holds; a transaction that is merely signed again without a date of
/// revocation is no word at all, so a refund that arrives late counts whatever newer reading there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Verdict {
    /// When it was taken back; or when Apple signed that this was undone.
    #[serde(with = "millis")]
    pub at: OffsetDateTime,
    /// What happened. At the same instant the graver one holds.
    pub word: Word,
}

/// What the App Store did to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// A refund was taken back: the transaction counts again.
    Reversed,
    /// What a family shared is shared no longer.
    Revoked,
    /// Refunded.
    Refunded,
}

/// The verdict in a transaction, told by a notification of this type signed at this time or by nobody.
///
/// Revocations are dated by the day on which they took effect and not by a signature: an old reading that is signed anew must not
/// outdo a reversal.
pub(super) fn of(transaction: &Transaction, told: Option<(&NotificationType, OffsetDateTime)>) -> Option<Verdict> {
    let revoked =
        |word, signed: OffsetDateTime| Verdict { at: millis::whole(transaction.revocation_date.unwrap_or(signed)), word };
    match told {
        Some((NotificationType::RefundReversed, signed)) => Some(Verdict { at: millis::whole(signed), word: Word::Reversed }),
        Some((NotificationType::Refund, signed)) => Some(revoked(Word::Refunded, signed)),
        Some((NotificationType::Revoke, signed)) => Some(revoked(Word::Revoked, signed)),
        Some(_) | None => {
            let word = if is_family_shared(transaction) { Word::Revoked } else { Word::Refunded };
            transaction.revocation_date.map(|at| Verdict { at: millis::whole(at), word })
        }
    }
}
