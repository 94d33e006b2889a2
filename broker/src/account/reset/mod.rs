//! A reset: an identity whose account's recovery code is lost comes to lead to another account.
//!
//! Who holds the invite or the subscription may ask for it; who holds the account may refuse. So it takes a week, within which any proof
//! by the old account cancels it, and for half a year after it one takes the identity back.

mod document;
mod handler;
mod owner;

#[cfg(test)]
pub(crate) use document::ResetDocument;
pub(crate) use handler::{__path_reset_account, reset_account};
pub(crate) use owner::{cancel, is_led_back};
