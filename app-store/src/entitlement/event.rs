//! What the App Store said about one subscription.

use super::LastNotification;
use super::purchase::Purchase;
use super::renewal::Renewal;
use super::verdict::{self, Verdict};
use crate::millis;
use crate::notification::NotificationPayload;
use crate::renewal_info::RenewalInfo;
use crate::transaction::Transaction;

/// One saying of the App Store's, reduced to what an entitlement hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub(super) purchase: Option<Purchase>,
    /// The transaction and what became of it.
    pub(super) verdict: Option<(String, Verdict)>,
    pub(super) renewal: Option<Renewal>,
    pub(super) notification: Option<LastNotification>,
}

impl Event {
    /// A transaction that a customer's device presents.
    #[must_use]
    pub fn presented(transaction: &Transaction) -> Self {
        Self::status(transaction, None)
    }

    /// What the App Store Server API answers about a subscription.
    #[must_use]
    pub fn status(transaction: &Transaction, renewal: Option<&RenewalInfo>) -> Self {
        Self {
            purchase: Some(Purchase::of(transaction)),
            verdict: verdict::of(transaction, None).map(|verdict| (transaction.transaction_id.clone(), verdict)),
            renewal: renewal.map(Renewal::of),
            notification: None,
        }
    }

    /// A notification with the transaction and the renewal information that it carries.
    ///
    /// The type decides only what is signed nowhere else: that a transaction was refunded, revoked, or its refund taken back. All
    /// else stands in the transaction and the renewal information, so types that this version does not know count too.
    #[must_use]
    pub fn notified(
        notification: &NotificationPayload,
        transaction: Option<&Transaction>,
        renewal: Option<&RenewalInfo>,
    ) -> Self {
        let told = Some((&notification.notification_type, notification.signed_date));
        let verdict = transaction
            .and_then(|transaction| verdict::of(transaction, told).map(|verdict| (transaction.transaction_id.clone(), verdict)));
        Self {
            purchase: transaction.map(Purchase::of),
            verdict,
            renewal: renewal.map(Renewal::of),
            notification: Some(LastNotification {
                signed_at: millis::whole(notification.signed_date),
                kind: notification.notification_type.clone(),
                subtype: notification.subtype.clone(),
            }),
        }
    }
}
