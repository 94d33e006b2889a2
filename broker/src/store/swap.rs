//! Documents that change by compare-and-swap.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::ObjectKey;

use super::client::{Condition, StoreClient, StoreError};

/// A document and the ETag under which it was read.
#[derive(Debug, Clone)]
pub(crate) struct Read<T> {
    pub(crate) document: T,
    pub(crate) etag: Option<String>,
}

/// What became of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swap {
    /// The document is written.
    Done,
    /// Somebody else was first: read again.
    Lost,
}

/// Reads a document; `None` if there is none.
pub(crate) async fn read<T: DeserializeOwned>(store: &StoreClient, key: &ObjectKey) -> Result<Option<Read<T>>, StoreError> {
    let Some(stored) = store.get(key).await? else { return Ok(None) };
    let malformed = |_| StoreError::Object { key: key.to_string(), fault: "not a document of its kind" };
    let document = serde_json::from_slice(&stored.bytes).map_err(malformed)?;
    Ok(Some(Read { document, etag: stored.etag }))
}

/// Writes the document if the store still holds what was read under `etag`, or still holds none.
pub(crate) async fn swap<T: Serialize + Sync>(
    store: &StoreClient,
    key: &ObjectKey,
    etag: Option<&str>,
    document: &T,
) -> Result<Swap, StoreError> {
    let bytes = to_bytes(document);
    let condition = etag.map_or(Condition::Absent, Condition::Etag);
    if store.put(key, bytes.clone(), condition).await? {
        return Ok(Swap::Done);
    }
    // A write whose reply was lost is repeated by the SDK, and the repeat finds its own document.
    let is_ours = store.get(key).await?.is_some_and(|stored| stored.bytes == bytes);
    Ok(if is_ours { Swap::Done } else { Swap::Lost })
}

pub(super) fn to_bytes<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents are plain structs, which always serialise")
}
