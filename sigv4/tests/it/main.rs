//! Signatures are held equal to the published examples and to the `aws-sigv4` crate.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails its test")]

mod differential;
mod endpoint;
mod published;
mod reference;
mod refusal;
mod secrecy;
mod url_form;
