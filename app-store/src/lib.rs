//! What Apple's App Store signs: transactions, renewal information, notifications. Verified, read and judged, without IO and
//! without a clock: time is an argument, and what has to be fetched (OCSP answers) is handed in.

mod admission;
mod binding;
mod entitlement;
mod environment;
mod millis;
mod notification;
mod open_enum;
mod renewal_info;
mod transaction;

pub use admission::{AdmissionPolicy, NotAdmitted, Subjects, admit};
pub use binding::{NotBound, Presented, bind, device_verification};
pub use entitlement::{
    Closed, Entitlement, EntitlementPolicy, Event, FOREVER, LastNotification, Purchase, Renewal, Standing, Verdict, Word, apply,
};
pub use environment::Environment;
pub use notification::{NotificationData, NotificationPayload, NotificationType, Subtype};
pub use renewal_info::RenewalInfo;
pub use transaction::{OwnershipType, ProductType, Transaction};
