//! What Apple's App Store signs: transactions, renewal information, notifications. Verified, read and judged, without IO and
//! without a clock: time is an argument, and what has to be fetched (OCSP answers) is handed in.

mod admission;
mod binding;
mod cache;
mod certificate;
mod chain;
mod entitlement;
mod environment;
mod error;
mod header;
mod jws;
mod millis;
mod notification;
mod ocsp;
mod open_enum;
mod renewal_info;
mod roots;
mod standing;
mod transaction;
mod verified;
mod verifier;

pub use admission::{AdmissionPolicy, NotAdmitted, Subjects, admit};
pub use binding::{NotBound, Presented, bind, device_verification};
pub use certificate::Validity;
pub use chain::{Chain, ChainId};
pub use entitlement::{
    Closed, Entitlement, EntitlementPolicy, Event, FOREVER, LastNotification, Purchase, Renewal, Standing, Verdict, Word, apply,
};
pub use environment::Environment;
pub use error::{JwsError, Position, Refusal};
pub use jws::{MAX_JWS_BYTES, UnverifiedJws};
pub use notification::{NotificationData, NotificationPayload, NotificationType, Subtype};
pub use ocsp::{MAX_RESPONSE_BYTES, OcspAnswer, OcspError, OcspStatus, judge, request};
pub use renewal_info::RenewalInfo;
pub use roots::{RootError, Roots};
pub use standing::{ChainStanding, NoOcsp, SignedJws, VerifiedJws};
pub use transaction::{OwnershipType, ProductType, Transaction};
pub use verified::{AppIdentity, VerifiedNotification, VerifiedRenewalInfo, VerifiedTransaction};
pub use verifier::{Verifier, VerifierOptions};
