//! A stand-in for Apple: a certificate authority of the same shape, and what it signs.

mod ca;
mod certificate;
mod payload;

pub use ca::TestCa;
pub use certificate::{AuthoritySpec, CertificateSpec, ChainSpec, Curve};
pub use payload::{BUNDLE_ID, PRODUCT_ID, notification, renewal_info, transaction};
