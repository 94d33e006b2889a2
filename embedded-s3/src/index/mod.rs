//! The index: which keys there are, and which body each names. It is the truth; files without a row are nothing.

mod assembly;
mod change;
mod condition;
mod page;
mod read;
mod record;
mod schema;
mod upload;
mod uploads;
mod writer;

pub(crate) use assembly::{Claim, ClaimedPart, PartChecksums};
pub(crate) use change::{Answer, Change, Done, NewObject, NewPart, NewUpload, Refused, UploadPlace};
pub(crate) use condition::Condition;
pub(crate) use page::{Entry, ListRequest, Start};
pub(crate) use read::{Lookup, ReadPool};
pub(crate) use record::{Attributes, ObjectRecord, Piece};
pub(crate) use schema::open;
pub(crate) use uploads::{PartRecord, UploadLookup, UploadsRequest};
pub(crate) use writer::Writer;
