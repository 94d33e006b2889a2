//! Why a subscription opens no session, as problems with their stable codes.

use tidegate_app_store::{Closed, NotAdmitted, NotBound};
use tidegate_protocol::problem::ProblemCode;

use crate::problem::Problem;

pub(super) fn not_offered() -> Problem {
    Problem::new(ProblemCode::IdentityNotOffered, "this broker takes no App Store subscriptions")
}

pub(super) fn unknown() -> Problem {
    closed(Closed::Unknown)
}

pub(super) fn closed(why: Closed) -> Problem {
    Problem::new(closed_code(&why), why.to_string())
}

pub(super) const fn closed_code(why: &Closed) -> ProblemCode {
    match why {
        Closed::Unknown => ProblemCode::SubscriptionUnknown,
        Closed::BillingRetry { .. } => ProblemCode::SubscriptionBillingRetry,
        Closed::Expired { .. } => ProblemCode::SubscriptionExpired,
        Closed::Refunded { .. } => ProblemCode::SubscriptionRefunded,
        Closed::Revoked { .. } => ProblemCode::SubscriptionRevoked,
        Closed::Upgraded => ProblemCode::SubscriptionUpgraded,
        Closed::FamilyShared => ProblemCode::SubscriptionFamilyShared,
        Closed::Product => ProblemCode::SubscriptionProduct,
        Closed::ProductType => ProblemCode::SubscriptionProductType,
    }
}

pub(super) fn not_admitted(why: NotAdmitted) -> Problem {
    let code = match why {
        NotAdmitted::TooOld { .. } => ProblemCode::TransactionTooOld,
        NotAdmitted::FromFuture => ProblemCode::TransactionFromFuture,
        NotAdmitted::NoAppTransactionId => ProblemCode::AppTransactionIdMissing,
    };
    Problem::new(code, why.to_string())
}

pub(super) fn not_bound(why: NotBound) -> Problem {
    let code = match why {
        NotBound::OtherAccount => ProblemCode::AppAccountTokenMismatch,
        NotBound::DeviceUnproven => ProblemCode::DeviceVerificationRequired,
        NotBound::OtherDevice => ProblemCode::DeviceVerificationMismatch,
    };
    Problem::new(code, why.to_string())
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn the_codes_are_those_that_the_rules_name() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let all = [
            Closed::Unknown,
            Closed::BillingRetry { since: at },
            Closed::Expired { at },
            Closed::Refunded { at },
            Closed::Revoked { at },
            Closed::Upgraded,
            Closed::FamilyShared,
            Closed::Product,
            Closed::ProductType,
        ];
        assert_eq!(all.len(), Closed::CODES.len());
        for why in all {
            assert_eq!(closed(why).code.as_str(), why.code());
        }
        for why in [NotAdmitted::TooOld { age: time::Duration::DAY }, NotAdmitted::FromFuture, NotAdmitted::NoAppTransactionId] {
            assert_eq!(not_admitted(why).code.as_str(), why.code());
        }
        for why in [NotBound::OtherAccount, NotBound::DeviceUnproven, NotBound::OtherDevice] {
            assert_eq!(not_bound(why).code.as_str(), why.code());
        }
    }
}
