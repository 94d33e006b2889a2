//! Nothing of a probe stays.

use bytes::Bytes;
use tidegate_sigv4::Method;
use time::Duration;

use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::{Reach, Who};
use crate::xml::{self, Entry};

/// A probe that is younger may still be running, somewhere else.
const ABANDONED: Duration = Duration::hours(1);

/// Deletes what this run has written, and ends its uploads.
pub(crate) async fn clean(ground: &Ground) -> Result<(), ProbeError> {
    for prefix in [ground.folder(), ground.state_folder()] {
        remove(ground, &prefix, |_| true).await?;
    }
    Ok(())
}

/// Deletes what probes have left that were stopped.
pub(crate) async fn sweep(ground: &Ground) -> Result<(), ProbeError> {
    let before = ground.store_now() - ABANDONED;
    let is_abandoned = |entry: &Entry| entry.last_modified.is_some_and(|at| at < before);
    remove(ground, "users/probe-", is_abandoned).await?;
    match ground.target.reach {
        Reach::Broker => remove(ground, "_tidegate/probe/", is_abandoned).await,
        Reach::Users => Ok(()),
    }
}

async fn remove(ground: &Ground, prefix: &str, wanted: impl Fn(&Entry) -> bool) -> Result<(), ProbeError> {
    // What does not begin with the prefix is not ours, whatever a store lists.
    let is_ours = |entry: &Entry| entry.key.starts_with(prefix) && wanted(entry);
    let by = (Who::State, Via::Internal);
    let query = [("uploads", ""), ("prefix", prefix)];
    let reply = ground.call(by, Method::Get, "", &query, &[], Bytes::new()).await?;
    // A store that does not list uploads, or a key that may not, leaves them to the bucket's own rules.
    let listed = reply.ok().filter(|answer| answer.is_success()).and_then(|answer| xml::page(&answer.body));
    for upload in listed.unwrap_or_default().entries.into_iter().filter(is_ours) {
        let query = [("uploadId", upload.upload_id.as_str())];
        // Whether it is still there makes no difference.
        drop(ground.call(by, Method::Delete, &upload.key, &query, &[], Bytes::new()).await?);
    }
    for entry in ground.list(prefix).await?.into_iter().filter(is_ours) {
        ground.delete(&entry.key).await?;
    }
    Ok(())
}
