//! Who may come in: the form of the request first, then its signature (in `s3s`), then the rights of its key.

mod form;
mod keys;
mod refusal;
mod rights;

pub(crate) use form::check_form;
pub(crate) use keys::Keys;
pub(crate) use rights::Rights;
