//! The index: which keys there are, and which body each names. It is the truth; files without a row are nothing.

mod assembly;
mod change;
mod checkpoint;
mod checksum;
mod condition;
mod page;
mod read;
mod record;
mod schema;
mod settings;
mod upload;
mod uploads;
mod writer;

pub(crate) use assembly::{Assembled, Claim, ClaimedPart};
pub(crate) use change::{Answer, Change, Done, NewObject, NewPart, NewUpload, Refused, UploadPlace};
pub(crate) use checksum::{Algorithm, Checksums, Kind, Summing};
pub(crate) use condition::Condition;
pub(crate) use page::{Entry, ListRequest, Page, Start};
pub(crate) use read::{Lookup, ReadPool};
pub(crate) use record::{Attributes, Contents, ObjectRecord, Piece};
pub(crate) use schema::open;
pub(crate) use settings::{CORS, LIFECYCLE, LifecycleRule};
pub(crate) use uploads::{PartRecord, UploadLookup, UploadsRequest};
pub(crate) use writer::Writer;
