//! What a subscription entitles to: one document per subscription, made of everything that the App Store signed about it.
//!
//! The document is a join: of two purchases the later one stays, of two readings of one purchase the one signed later, of two
//! verdicts about a transaction the later one. So it does not matter in which order, how often or at which replica the App Store's
//! words arrive: whoever has heard the same words holds the same document.

mod event;
mod purchase;
mod renewal;
mod standing;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::millis;
use crate::notification::{NotificationType, Subtype};

pub use event::Event;
pub use purchase::Purchase;
pub use renewal::Renewal;
pub use standing::{Closed, EntitlementPolicy, FOREVER, Standing};
pub use verdict::{Verdict, Word};

/// The version of the document; another one is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Format {
    #[default]
    #[serde(rename = "tidegate/entitlement/v1")]
    V1,
}

/// Everything that is known about one subscription, as it is stored. Dates are milliseconds since 1970, as Apple writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entitlement {
    format: Format,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purchase: Option<Purchase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewal: Option<Renewal>,
    /// By transaction id. Kept for older transactions too: a refund may arrive before the purchase that it is about.
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_notification: Option<LastNotification>,
}

/// The newest notification about a subscription: for people, no decision hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastNotification {
    /// When Apple signed it.
    #[serde(with = "millis")]
    pub signed_at: OffsetDateTime,
    /// What happened.
    pub kind: NotificationType,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtype: Option<Subtype>,
}

/// The entitlement after what the App Store said. The order and the number of times do not matter.
#[must_use]
pub fn apply(entitlement: Entitlement, event: &Event) -> Entitlement {
    let mut verdicts = entitlement.verdicts;
    if let Some((transaction, verdict)) = &event.verdict {
        let known = verdicts.entry(transaction.clone()).or_insert(*verdict);
        *known = (*known).max(*verdict);
    }
    Entitlement {
        format: Format::V1,
        purchase: later(entitlement.purchase, event.purchase.as_ref()),
        renewal: later(entitlement.renewal, event.renewal.as_ref()),
        verdicts,
        last_notification: later(entitlement.last_notification, event.notification.as_ref()),
    }
}

/// The greater by the order of the type's fields, which begins with the date; `None` is least.
fn later<T: Ord + Clone>(known: Option<T>, heard: Option<&T>) -> Option<T> {
    known.max(heard.cloned())
}

impl Entitlement {
    /// The last purchase or renewal that is known.
    #[must_use]
    pub const fn purchase(&self) -> Option<&Purchase> {
        self.purchase.as_ref()
    }

    /// What is known about the next renewal.
    #[must_use]
    pub const fn renewal(&self) -> Option<&Renewal> {
        self.renewal.as_ref()
    }

    /// The App Store's last word on whether a transaction was taken back.
    #[must_use]
    pub fn verdict(&self, transaction_id: &str) -> Option<Verdict> {
        self.verdicts.get(transaction_id).copied()
    }

    /// The newest notification.
    #[must_use]
    pub const fn last_notification(&self) -> Option<&LastNotification> {
        self.last_notification.as_ref()
    }

    /// When Apple signed the newest of all that is known; `None` if nothing is.
    #[must_use]
    pub fn heard_at(&self) -> Option<OffsetDateTime> {
        let purchase = self.purchase.as_ref().map(|purchase| purchase.signed_at);
        let renewal = self.renewal.as_ref().map(|renewal| renewal.signed_at);
        let notification = self.last_notification.as_ref().map(|notification| notification.signed_at);
        purchase.max(renewal).max(notification)
    }
}
