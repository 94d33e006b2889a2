//! Nothing of a probe stays.

use bytes::Bytes;
use tidegate_sigv4::Method;

use crate::error::ProbeError;
use crate::ground::{Ground, Via};
use crate::target::Who;
use crate::xml;

/// Deletes what this run has written, and ends its uploads.
pub(crate) async fn clean(ground: &Ground) -> Result<(), ProbeError> {
    for prefix in [ground.folder(), ground.state_folder()] {
        end_uploads(ground, &prefix).await?;
        for entry in ground.list(&prefix).await? {
            if entry.key.starts_with(&prefix) {
                ground.delete(&entry.key).await?;
            }
        }
    }
    Ok(())
}

/// A store that does not list uploads, or a key that may not, leaves them to the bucket's own rules.
async fn end_uploads(ground: &Ground, prefix: &str) -> Result<(), ProbeError> {
    let by = (Who::State, Via::Internal);
    let query = [("uploads", ""), ("prefix", prefix)];
    let reply = ground.call(by, Method::Get, "", &query, &[], Bytes::new()).await?;
    let Some(page) = reply.ok().filter(crate::answer::Answer::is_success).and_then(|answer| xml::page(&answer.body)) else {
        return Ok(());
    };
    for upload in page.entries.into_iter().filter(|upload| upload.key.starts_with(prefix)) {
        let query = [("uploadId", upload.upload_id.as_str())];
        // Whether it is still there makes no difference.
        drop(ground.call(by, Method::Delete, &upload.key, &query, &[], Bytes::new()).await?);
    }
    Ok(())
}
