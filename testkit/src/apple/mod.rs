//! A stand-in for Apple: a certificate authority of the same shape, and what it signs.

mod ca;
mod certificate;
mod ocsp_answer;
mod ocsp_responder;
mod payload;
mod server_api;

pub use ca::TestCa;
pub use certificate::{AuthoritySpec, CertificateSpec, ChainSpec, Curve};
pub use ocsp_answer::{OcspSigner, OcspSpec, OcspVerdict};
pub use ocsp_responder::{OcspMode, OcspResponder};
pub use payload::{BUNDLE_ID, PRODUCT_ID, notification, renewal_info, transaction};
pub use server_api::{Fault, ISSUER_ID, KEY_ID, ServerApi};
