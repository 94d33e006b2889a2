//! What can be asked of the index's one writer, and what it answers.

use super::condition::Condition;
use super::record::Attributes;
use crate::body::StagedBody;
use crate::error::StoreError;

/// A change of the index.
#[derive(Debug)]
pub(crate) enum Change {
    /// Make a bucket.
    CreateBucket { name: String },
    /// Let a key name a staged body.
    Put { bucket: String, key: String, condition: Condition, object: Box<NewObject> },
    /// Forget a key.
    Delete { bucket: String, key: String, condition: Condition },
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
    pub(crate) body: StagedBody,
}

/// Why a change was not made although the index works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bucket exists already.
    BucketExists,
    /// There is no such bucket.
    NoSuchBucket,
    /// `If-Match` names an object that is not there.
    NoSuchKey,
    /// The precondition does not hold.
    Precondition,
}

/// What became of a change.
pub(crate) type Answer = Result<Result<(), Refused>, StoreError>;
