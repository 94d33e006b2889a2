//! Documents that are written once and never changed.

use serde::Serialize;
use tidegate_protocol::ObjectKey;

use super::client::{Condition, StoreClient, StoreError};

/// Writes the document unless there is one already; `false` if there was.
///
/// Only for stores whose conditional create is atomic. A write whose reply was lost is repeated by the SDK and then finds itself:
/// an equal document counts as written.
pub(crate) async fn create_once<T: Serialize + Sync>(
    store: &StoreClient,
    key: &ObjectKey,
    document: &T,
) -> Result<bool, StoreError> {
    let bytes = super::swap::to_bytes(document);
    if store.put(key, bytes.clone(), Condition::Absent).await? {
        return Ok(true);
    }
    Ok(store.get(key).await?.is_some_and(|stored| stored.bytes == bytes))
}
