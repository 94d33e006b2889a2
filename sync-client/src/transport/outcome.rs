//! What a request came to.

use bytes::Bytes;
use tidegate_protocol::ObjectKey;
use tidegate_protocol::problem::ProblemCode;
use time::OffsetDateTime;

/// An object's bytes and what the store says about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes.
    pub body: Bytes,
    /// The ETag, with its quotes.
    pub etag: String,
    /// When the object was last written, by the store's clock.
    pub last_modified: Option<OffsetDateTime>,
}

/// The outcome of a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetOutcome {
    /// The object.
    Found(Fetched),
    /// The object still has the ETag given.
    NotModified,
    /// There is no such object.
    Missing,
}

/// The outcome of a HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadOutcome {
    /// There is such an object.
    Found {
        /// The ETag, with its quotes.
        etag: String,
        /// Length in bytes.
        length: u64,
        /// When it was last written, by the store's clock.
        last_modified: Option<OffsetDateTime>,
    },
    /// There is none.
    Missing,
}

/// The outcome of a PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object is stored.
    Stored {
        /// Its ETag, with its quotes.
        etag: String,
    },
    /// The precondition does not hold.
    ConditionFailed,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The object.
    pub key: ObjectKey,
    /// Its ETag, where the store lists it.
    pub etag: Option<String>,
    /// Length in bytes.
    pub length: u64,
    /// When it was last written, by the store's clock.
    pub last_modified: Option<OffsetDateTime>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects, in the store's order.
    pub entries: Vec<ListEntry>,
    /// How many names were left out because they are none of ours.
    pub strangers: u64,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// The outcome of deleting one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone.
    Deleted,
    /// There was none.
    Absent,
    /// It was not deleted.
    Refused {
        /// Why.
        code: ProblemCode,
        /// One sentence.
        message: String,
    },
}
