//! Whether a transaction, as it is presented now, may speak for a customer at all; and for which customer it speaks.
//!
//! What its subscription is worth is the entitlement's matter; to which account it may lead is decided by [`crate::binding`].

use time::{Duration, OffsetDateTime};

use crate::environment::Environment;
use crate::transaction::{OwnershipType, Transaction};

/// What the operator decides about transactions that are presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionPolicy {
    /// How long ago the App Store may have signed it.
    pub max_age: Duration,
    /// How far its clock may be ahead of ours.
    pub clock_skew: Duration,
}

/// Names under which the App Store knows a customer of an app. No two kinds of names are ever equal as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    /// Where.
    pub environment: Environment,
    /// The name that leads to the account before the other: the purchase, or the family member.
    pub first: String,
    /// Another name of the same customer, which leads to the account where the first does not yet.
    pub second: Option<String>,
}

/// Why a transaction may not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Signed too long ago.
    #[error("the transaction was signed {} days ago; ask StoreKit for a fresh one", age.whole_days())]
    TooOld {
        /// How long ago.
        age: Duration,
    },
    /// Signed in the future.
    #[error("the transaction was signed in the future")]
    FromFuture,
    /// A family member's transaction without the name that tells one member from another.
    #[error("a family member's transaction needs an appTransactionId")]
    NoAppTransactionId,
}

impl NotAdmitted {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooOld { .. } => "transaction-too-old",
            Self::FromFuture => "transaction-from-future",
            Self::NoAppTransactionId => "app-transaction-id-missing",
        }
    }
}

/// For whom the transaction speaks.
///
/// # Errors
/// Why it may not.
pub fn admit(transaction: &Transaction, policy: &AdmissionPolicy, now: OffsetDateTime) -> Result<Subjects, NotAdmitted> {
    let age = now - transaction.signed_date;
    if age > policy.max_age {
        return Err(NotAdmitted::TooOld { age });
    }
    if age < -policy.clock_skew {
        return Err(NotAdmitted::FromFuture);
    }
    subjects(transaction)
}

/// A purchase is known by its first transaction, which every device of the customer shows, and by the customer's relation to the
/// app, which also other purchases of theirs carry. A family member is known by the latter alone: whatever names the purchase
/// names the one who pays, and would open that one's account.
fn subjects(transaction: &Transaction) -> Result<Subjects, NotAdmitted> {
    let app_transaction = transaction.app_transaction_id.as_ref().filter(|id| !id.is_empty());
    let app_transaction = app_transaction.map(|id| format!("app-transaction:{id}"));
    let environment = transaction.environment.clone();
    if is_shared(transaction) {
        let first = app_transaction.ok_or(NotAdmitted::NoAppTransactionId)?;
        return Ok(Subjects { environment, first, second: None });
    }
    let first = format!("original-transaction:{}", transaction.original_transaction_id);
    Ok(Subjects { environment, first, second: app_transaction })
}

/// Who did not certainly pay is taken for a family member: the narrower of the two.
fn is_shared(transaction: &Transaction) -> bool {
    match &transaction.in_app_ownership_type {
        None | Some(OwnershipType::Purchased) => false,
        Some(OwnershipType::FamilyShared | OwnershipType::Unknown(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 09:30 UTC);
    const POLICY: AdmissionPolicy = AdmissionPolicy { max_age: Duration::days(30), clock_skew: Duration::seconds(60) };

    fn transaction(ownership: Option<OwnershipType>, app_transaction_id: Option<&str>) -> Transaction {
        let millis = NOW.unix_timestamp() * 1_000;
        let read = json!({
            "transactionId": "12", "originalTransactionId": "10", "bundleId": "org.example.health",
            "productId": "org.example.health.monthly", "type": "Auto-Renewable Subscription",
            "purchaseDate": millis, "signedDate": millis, "environment": "Production",
        });
        let read: Transaction = serde_json::from_value(read).unwrap();
        Transaction { in_app_ownership_type: ownership, app_transaction_id: app_transaction_id.map(str::to_owned), ..read }
    }

    fn names(transaction: &Transaction) -> Result<(String, Option<String>), NotAdmitted> {
        admit(transaction, &POLICY, NOW).map(|subjects| (subjects.first, subjects.second))
    }

    #[test]
    fn a_purchase_is_known_by_its_first_transaction_and_by_the_customer() {
        let both = ("original-transaction:10".to_owned(), Some("app-transaction:7".to_owned()));
        assert_eq!(names(&transaction(Some(OwnershipType::Purchased), Some("7"))), Ok(both.clone()));
        assert_eq!(names(&transaction(None, Some("7"))), Ok(both));
        for missing in [None, Some("")] {
            assert_eq!(names(&transaction(None, missing)), Ok(("original-transaction:10".to_owned(), None)));
        }
    }

    #[test]
    fn a_family_member_is_never_known_by_the_purchase() {
        for ownership in [OwnershipType::FamilyShared, OwnershipType::Unknown("LENT".to_owned())] {
            let alone = ("app-transaction:7".to_owned(), None);
            assert_eq!(names(&transaction(Some(ownership.clone()), Some("7"))), Ok(alone));
            assert_eq!(names(&transaction(Some(ownership.clone()), None)), Err(NotAdmitted::NoAppTransactionId));
            assert_eq!(names(&transaction(Some(ownership), Some(""))), Err(NotAdmitted::NoAppTransactionId));
        }
    }

    #[test]
    fn a_transaction_speaks_for_as_long_as_the_policy_says() {
        let young = transaction(None, None);
        let at = |now| admit(&young, &POLICY, now).map(drop).map_err(|error| error.code());
        assert_eq!(at(NOW + Duration::days(30)), Ok(()));
        assert_eq!(at(NOW + Duration::days(30) + Duration::SECOND), Err("transaction-too-old"));
        assert_eq!(at(NOW - Duration::seconds(60)), Ok(()));
        assert_eq!(at(NOW - Duration::seconds(61)), Err("transaction-from-future"));
    }
}
