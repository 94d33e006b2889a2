//! What can be asked of the index's one writer, and what it answers.

use super::assembly::{Assembled, Claim};
use super::checksum::{Checksums, Summing};
use super::condition::Condition;
use super::record::Attributes;
use crate::body::{NewBody, StagedBody};
use crate::error::StoreError;

/// A change of the index.
#[derive(Debug)]
pub(crate) enum Change {
    /// Make a bucket.
    CreateBucket { name: String },
    /// Let a key name a staged body.
    Put { bucket: String, key: String, condition: Condition, object: Box<NewObject> },
    /// Forget a bucket that is empty.
    DeleteBucket { name: String },
    /// Forget a key.
    Delete { bucket: String, key: String, condition: Condition },
    /// Forget keys, each or not.
    DeleteMany { bucket: String, keys: Vec<(String, Condition)> },
    /// Tell a bucket something, or nothing more.
    Configure { bucket: String, name: &'static str, value: Option<String> },
    /// Begin an upload in parts.
    CreateUpload { bucket: String, key: String, upload: Box<NewUpload> },
    /// Add a part to an upload, in place of the one with its number.
    PutPart { place: UploadPlace, part: Box<NewPart> },
    /// Let the upload's key name its parts.
    CompleteUpload { place: UploadPlace, claim: Box<Claim>, condition: Condition },
    /// Forget an upload and its parts.
    AbortUpload { place: UploadPlace },
    /// Forget the uploads whose time is over, with their parts.
    GiveUpUploads,
}

/// What a PUT writes.
#[derive(Debug)]
pub(crate) struct NewObject {
    /// Bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Base64.
    pub(crate) sha256: String,
    pub(crate) attributes: Attributes,
    pub(crate) body: NewBody,
}

/// Where an upload is: its id alone opens nothing, since who may write one key must not touch the upload of another.
#[derive(Debug, Clone)]
pub(crate) struct UploadPlace {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// An upload that begins.
#[derive(Debug)]
pub(crate) struct NewUpload {
    pub(crate) id: String,
    /// How it is summed up, where that was asked for.
    pub(crate) summing: Option<Summing>,
    pub(crate) attributes: Attributes,
}

/// A part that was received.
#[derive(Debug)]
pub(crate) struct NewPart {
    /// 1 to 10,000.
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Base64.
    pub(crate) sha256: String,
    /// Other checksums that came with it.
    pub(crate) checksums: Checksums,
    pub(crate) body: StagedBody,
}

/// What a change did.
#[derive(Debug)]
pub(crate) enum Done {
    /// What was asked.
    Changed {
        /// `LastModified` of what was written (milliseconds since 1970).
        at_ms: i64,
    },
    /// Deleted the keys, but those with a reason.
    Deleted(Vec<Result<(), Refused>>),
    /// Completed an upload, now or before.
    Completed(Box<Assembled>),
}

/// Why a change was not made although the index works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bucket exists already.
    BucketExists,
    /// The bucket has objects or uploads.
    BucketNotEmpty,
    /// There is no such bucket.
    NoSuchBucket,
    /// `If-Match` names an object that is not there.
    NoSuchKey,
    /// The precondition does not hold.
    Precondition,
    /// There is no such upload for this key, or it was completed or aborted.
    NoSuchUpload,
    /// The parts of a completion are not in ascending order.
    PartOrder,
    /// A part of a completion is missing, or is another.
    NoSuchPart,
    /// A part that is not the last has less than 5 MiB.
    PartTooSmall,
    /// The whole does not have the checksum or the size that was said.
    WrongWhole,
    /// A checksum of the whole is said that its upload did not ask for.
    OtherChecksum,
}

/// What became of a change.
pub(crate) type Answer = Result<Result<Done, Refused>, StoreError>;
