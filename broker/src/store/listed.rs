//! Who was first, decided by LIST: for stores without atomic create, and wherever the first N of many hold.
//!
//! Everybody writes an object of its own name and then lists the folder; the first by LastModified, then by key, hold. A write that
//! comes later can rank no better, once the store's clock has left the instant of one's own write: hence the wait before the LIST.

use std::time::Duration;

use serde::Serialize;
use tidegate_protocol::ObjectKey;

use super::client::{Listed, StoreClient, StoreError};

/// Wait on stores that tell LastModified in whole seconds.
const COARSE_WAIT: Duration = Duration::from_millis(1_100);
/// Wait on stores that tell it in milliseconds.
const FINE_WAIT: Duration = Duration::from_millis(5);

/// The objects of the folder in which `key` lies, first comers first.
pub(crate) async fn ranked(store: &StoreClient, key: &ObjectKey) -> Result<Vec<Listed>, StoreError> {
    let mut listed = store.list(&folder_of(key)).await?;
    listed.sort_by(|a, b| (a.last_modified, &a.key).cmp(&(b.last_modified, &b.key)));
    Ok(listed)
}

/// The place of `key` among its folder's objects, from 0.
pub(crate) fn rank(listed: &[Listed], key: &ObjectKey) -> Option<usize> {
    let key = key.to_string();
    listed.iter().position(|object| object.key == key)
}

/// Writes the document and says who now stands where in its folder.
pub(crate) async fn put_and_rank<T: Serialize + Sync>(
    store: &StoreClient,
    key: &ObjectKey,
    document: &T,
) -> Result<Vec<Listed>, StoreError> {
    store.put_document(key, document).await?;
    let before = ranked(store, key).await?;
    let is_coarse = before.iter().all(|object| object.last_modified.nanosecond() == 0);
    tokio::time::sleep(if is_coarse { COARSE_WAIT } else { FINE_WAIT }).await;
    ranked(store, key).await
}

/// The folder of a key, with its `/`.
pub(crate) fn folder_of(key: &ObjectKey) -> String {
    let text = key.to_string();
    let end = text.rfind('/').map_or(0, |slash| slash + 1);
    text[..end].to_owned()
}
