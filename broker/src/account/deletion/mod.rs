//! `DELETE /v1/account`: an account goes, with every object of its own.
//!
//! What is under way stands in the bucket: any replica goes on with it, whatever ends in between. First a document that says so is
//! written, then the account's sessions end, then its objects go; once the last URL and the last token have ended they are deleted
//! again, and then that document.

mod attend;
mod document;
mod gone;
mod handler;
mod sweep;
#[cfg(all(test, feature = "embedded"))]
mod tests;

pub(crate) use attend::attend;
#[cfg(test)]
pub(crate) use document::DeletionDocument;
#[cfg(test)]
pub(crate) use gone::GoneDocument;
pub(crate) use gone::refuse_gone;
pub(crate) use handler::{__path_delete_account, delete_account};
