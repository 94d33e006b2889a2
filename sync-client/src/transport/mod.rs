//! The way to the objects: one trait, two implementations, [through a broker](broker) and [straight to the store](direct).

pub mod broker;
mod broker_transfer;
pub mod direct;
mod direct_transfer;
mod http;
mod list_xml;
mod multipart_xml;
mod outcome;
mod patience;
mod payload;
pub mod retry;
mod store_answer;
mod stranger;
mod traffic;
mod transfer;

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use tidegate_protocol::capability::StoreProfile;
use tidegate_protocol::{ListPrefix, ObjectKey, Sha256};

pub(crate) use http::{Answer, Http, Outgoing};
pub use outcome::{DeleteOutcome, Fetched, GetOutcome, HeadOutcome, ListEntry, ListPage, PutOutcome};
pub use payload::FileSlice;
pub(crate) use payload::Payload;
pub(crate) use traffic::RequestKind;
pub use traffic::TrafficCounter;
pub use transfer::{CompleteOutcome, ObjectStream, OpenOutcome, StoredPart, Transfer, UploadId, UploadState};

use crate::error::Error;

/// The other side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The object store.
    Store,
    /// The broker.
    Broker,
}

impl Peer {
    pub(crate) const fn pick(self, store: &'static str, broker: &'static str) -> &'static str {
        match self {
            Self::Store => store,
            Self::Broker => broker,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pick("the store", "the broker"))
    }
}

/// What a GET asks beside the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct GetOptions {
    /// Answer "not modified" if the object still has this ETag.
    pub if_none_match: Option<String>,
    /// Only these bytes.
    pub range: Option<Range<u64>>,
    /// Most bytes that are read of the answer.
    pub limit: u64,
}

/// A precondition of a PUT. It is sent where the store honours it; the sync protocol is right where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PutCondition {
    /// None.
    None,
    /// Only if there is no such object.
    Absent,
    /// Only if the object has this ETag.
    Matches(String),
}

/// A request that will come soon, so that a transport can prepare many at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Want {
    /// A GET.
    Get(ObjectKey),
    /// A HEAD.
    Head(ObjectKey),
    /// A PUT of exactly these bytes.
    Put {
        /// The object.
        key: ObjectKey,
        /// Length in bytes.
        length: u64,
        /// Hash of the bytes.
        sha256: Sha256,
        /// The precondition.
        condition: PutCondition,
    },
    /// A PUT of one part of an upload.
    PutPart {
        /// The object.
        key: ObjectKey,
        /// The upload.
        upload: UploadId,
        /// The part's number, from 1.
        number: u32,
        /// Its length in bytes.
        length: u64,
        /// Its hash.
        sha256: Sha256,
    },
    /// One page of a listing.
    List(ListPrefix, Option<String>),
}

/// The way to the objects of an account.
///
/// Each call repeats by itself what is worth repeating (see [`retry`]), so an error is what is left after that. Keys that are not
/// self-certifying come back as the store has them: whoever reads them checks signatures and hashes.
#[async_trait]
pub trait Transport: Transfer + Send + Sync + fmt::Debug {
    /// Reads an object.
    ///
    /// # Errors
    /// [`Error`] of class retry, re-authenticate, denied, invalid or corrupt; a missing object is an outcome.
    async fn get(&self, key: &ObjectKey, options: &GetOptions) -> Result<GetOutcome, Error>;

    /// Asks about an object.
    ///
    /// # Errors
    /// As [`Transport::get`].
    async fn head(&self, key: &ObjectKey) -> Result<HeadOutcome, Error>;

    /// Writes an object. With a condition that the store does not honour it is written without.
    ///
    /// # Errors
    /// As [`Transport::get`]; a condition that did not hold is an outcome.
    async fn put(&self, key: &ObjectKey, body: Bytes, condition: &PutCondition) -> Result<PutOutcome, Error>;

    /// Reads one page of a listing. `token` is where the last page ended.
    ///
    /// # Errors
    /// As [`Transport::get`].
    async fn list(&self, prefix: &ListPrefix, token: Option<&str>) -> Result<ListPage, Error>;

    /// Deletes objects, any number of them; one outcome a key, in order.
    ///
    /// # Errors
    /// As [`Transport::get`]; a refusal of one key is an outcome.
    async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<DeleteOutcome>, Error>;

    /// Prepares requests that will come soon. What was not prepared works all the same.
    ///
    /// # Errors
    /// As [`Transport::get`], where the preparation itself needs the network. A refusal of one request is kept for it.
    async fn prepare(&self, wants: &[Want]) -> Result<(), Error>;

    /// What the store can do, as far as it is known.
    fn profile(&self) -> StoreProfile;

    /// The host, and port where it is not the usual one, at which the store is reached; `None` before the first request
    /// through a broker.
    fn store_host(&self) -> Option<String> {
        None
    }

    /// What went over the wire so far.
    fn traffic(&self) -> &TrafficCounter;
}
