//! What a bucket tells browsers: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>.

use std::sync::Arc;

use s3s::dto::{
    CORSRule, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput, GetBucketCorsOutput, PutBucketCorsInput,
    PutBucketCorsOutput,
};
use s3s::{S3ErrorCode, S3Result};

use super::failure::{error, failed, internal, no_such_bucket, settled};
use super::{Backend, blocking};
use crate::cors::{CorsRule, METHODS};
use crate::error::StoreError;
use crate::index::{CORS, Change};

/// Rules of a bucket at most.
const MOST_RULES: usize = 100;

pub(super) async fn put(backend: &Arc<Backend>, input: PutBucketCorsInput) -> S3Result<PutBucketCorsOutput> {
    let rules = input.cors_configuration.cors_rules.into_iter().map(rule).collect::<S3Result<Vec<_>>>()?;
    if rules.is_empty() || rules.len() > MOST_RULES {
        return Err(error(S3ErrorCode::MalformedXML, "a CORS configuration has 1 to 100 rules"));
    }
    let value = serde_json::to_string(&rules).map_err(|_| internal(&StoreError::Closed))?;
    configure(backend, &input.bucket, Some(value)).await?;
    backend.cors.set(&input.bucket, Some(rules));
    Ok(PutBucketCorsOutput::default())
}

pub(super) async fn get(backend: &Arc<Backend>, input: GetBucketCorsInput) -> S3Result<GetBucketCorsOutput> {
    let bucket = input.bucket.clone();
    let value = blocking(backend, move |backend| backend.reads.setting(&bucket, CORS).map_err(failed)).await?;
    value.ok_or_else(no_such_bucket)?;
    let missing = || error(S3ErrorCode::NoSuchCORSConfiguration, "the bucket has no CORS configuration");
    let rules = backend.cors.of_bucket(&input.bucket).ok_or_else(missing)?;
    Ok(GetBucketCorsOutput { cors_rules: Some(rules.iter().map(described).collect()) })
}

pub(super) async fn delete(backend: &Arc<Backend>, input: DeleteBucketCorsInput) -> S3Result<DeleteBucketCorsOutput> {
    configure(backend, &input.bucket, None).await?;
    backend.cors.set(&input.bucket, None);
    Ok(DeleteBucketCorsOutput::default())
}

async fn configure(backend: &Arc<Backend>, bucket: &str, value: Option<String>) -> S3Result<()> {
    let change = Change::Configure { bucket: bucket.to_owned(), name: CORS, value };
    settled(backend.writer.submit(change).await).map(drop)
}

fn rule(rule: CORSRule) -> S3Result<CorsRule> {
    let wildcards = |patterns: &[String]| patterns.iter().any(|pattern| pattern.matches('*').count() > 1);
    let allowed_headers = rule.allowed_headers.unwrap_or_default();
    if wildcards(&rule.allowed_origins) || wildcards(&allowed_headers) {
        return Err(error(S3ErrorCode::InvalidRequest, "an origin or header has at most one *"));
    }
    if rule.allowed_methods.iter().any(|method| !METHODS.contains(&method.as_str())) {
        return Err(error(S3ErrorCode::InvalidRequest, "the methods of a rule are GET, PUT, POST, DELETE and HEAD"));
    }
    if rule.allowed_origins.is_empty() || rule.allowed_methods.is_empty() {
        return Err(error(S3ErrorCode::MalformedXML, "a rule names at least one origin and one method"));
    }
    Ok(CorsRule {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers,
        expose_headers: rule.expose_headers.unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds,
    })
}

fn described(rule: &CorsRule) -> CORSRule {
    CORSRule {
        id: rule.id.clone(),
        allowed_origins: rule.allowed_origins.clone(),
        allowed_methods: rule.allowed_methods.clone(),
        allowed_headers: Some(rule.allowed_headers.clone()),
        expose_headers: Some(rule.expose_headers.clone()),
        max_age_seconds: rule.max_age_seconds,
    }
}
