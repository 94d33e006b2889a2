//! What goes by itself: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>.
//!
//! Uploads in parts that nobody completes are given up; nothing else here ever removes an object that nobody deleted, and a rule
//! that asks for it is refused.

use std::sync::Arc;

use s3s::dto::{
    AbortIncompleteMultipartUpload, DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, ExpirationStatus,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, LifecycleRule as Asked, LifecycleRuleFilter,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput,
};
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, failed, internal, no_such_bucket, not_implemented, settled};
use super::{Backend, blocking};
use crate::error::StoreError;
use crate::index::{Change, LIFECYCLE, LifecycleRule};

/// Rules of a bucket at most.
const MOST_RULES: usize = 1000;

pub(super) async fn put(
    backend: &Arc<Backend>,
    input: PutBucketLifecycleConfigurationInput,
) -> S3Result<PutBucketLifecycleConfigurationOutput> {
    let asked = input.lifecycle_configuration.map(|configuration| configuration.rules).unwrap_or_default();
    if asked.is_empty() || asked.len() > MOST_RULES {
        return Err(error(S3ErrorCode::MalformedXML, "a lifecycle has 1 to 1,000 rules"));
    }
    let mut rules = Vec::with_capacity(asked.len());
    for rule in asked {
        rules.extend(accepted(rule)?);
    }
    let value = serde_json::to_string(&rules).map_err(|_| internal(&StoreError::Closed))?;
    configure(backend, input.bucket, Some(value)).await?;
    Ok(PutBucketLifecycleConfigurationOutput::default())
}

pub(super) async fn get(
    backend: &Arc<Backend>,
    input: GetBucketLifecycleConfigurationInput,
) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let bucket = input.bucket;
    let value = blocking(backend, move |backend| backend.reads.setting(&bucket, LIFECYCLE).map_err(failed)).await?;
    let missing = || error(S3ErrorCode::NoSuchLifecycleConfiguration, "the bucket has no lifecycle");
    let value = value.ok_or_else(no_such_bucket)?.ok_or_else(missing)?;
    let rules: Vec<LifecycleRule> =
        serde_json::from_str(&value).map_err(|fault| failed(std::io::Error::other(fault.to_string())))?;
    let rules = rules.into_iter().map(described).collect();
    Ok(GetBucketLifecycleConfigurationOutput { rules: Some(rules), ..Default::default() })
}

pub(super) async fn delete(backend: &Arc<Backend>, input: DeleteBucketLifecycleInput) -> S3Result<DeleteBucketLifecycleOutput> {
    configure(backend, input.bucket, None).await?;
    Ok(DeleteBucketLifecycleOutput::default())
}

async fn configure(backend: &Arc<Backend>, bucket: String, value: Option<String>) -> S3Result<()> {
    settled(backend.writer.submit(Change::Configure { bucket, name: LIFECYCLE, value }).await).map(drop)
}

/// A rule that can be carried out; none of one that is disabled.
fn accepted(rule: Asked) -> S3Result<Option<LifecycleRule>> {
    let other = rule.expiration.is_some()
        || rule.transitions.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || rule.noncurrent_version_transitions.is_some();
    let narrowed = rule.filter.as_ref().is_some_and(|filter| {
        filter.and.is_some()
            || filter.tag.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
    });
    if other || narrowed {
        return Err(not_implemented("a lifecycle rule can abort incomplete uploads under a prefix, and nothing else here"));
    }
    let days = rule.abort_incomplete_multipart_upload.and_then(|abort| abort.days_after_initiation);
    let days = days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
    let abort_after_days =
        days.ok_or_else(|| error(S3ErrorCode::InvalidRequest, "a rule names the days after which an upload is aborted"))?;
    let prefix = rule.filter.and_then(|filter| filter.prefix).or(rule.prefix).unwrap_or_default();
    let enabled = rule.status.as_str() == ExpirationStatus::ENABLED;
    Ok(enabled.then_some(LifecycleRule { id: rule.id, prefix, abort_after_days }))
}

fn described(rule: LifecycleRule) -> Asked {
    Asked {
        abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
            days_after_initiation: i32::try_from(rule.abort_after_days).ok(),
        }),
        expiration: None,
        filter: Some(LifecycleRuleFilter { prefix: Some(rule.prefix), ..Default::default() }),
        id: rule.id,
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        prefix: None,
        status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
        transitions: None,
    }
}
