//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>

use std::sync::Arc;

use s3s::S3Result;
use s3s::dto::{AbortMultipartUploadInput, AbortMultipartUploadOutput};

use crate::index::{Change, UploadPlace};
use crate::operation::Backend;
use crate::operation::failure::{not_implemented, settled};

pub(in crate::operation) async fn abort(
    backend: &Arc<Backend>,
    input: AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    if input.if_match_initiated_time.is_some() {
        return Err(not_implemented("an abort takes no condition here"));
    }
    let place = UploadPlace { bucket: input.bucket, key: input.key, id: input.upload_id };
    settled(backend.writer.submit(Change::AbortUpload { place }).await)?;
    Ok(AbortMultipartUploadOutput::default())
}
