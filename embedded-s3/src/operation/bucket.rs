//! Buckets.

use std::sync::Arc;

use s3s::S3Result;
use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput, HeadBucketInput,
    HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};

use super::failure::{failed, no_such_bucket, settled};
use super::{Backend, blocking};
use crate::clock::from_ms;
use crate::index::Change;

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
pub(super) async fn create(backend: &Arc<Backend>, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    let location = format!("/{}", input.bucket);
    settled(backend.writer.submit(Change::CreateBucket { name: input.bucket }).await)?;
    Ok(CreateBucketOutput { location: Some(location) })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
pub(super) async fn delete(backend: &Arc<Backend>, input: DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    settled(backend.writer.submit(Change::DeleteBucket { name: input.bucket.clone() }).await)?;
    backend.cors.set(&input.bucket, None);
    Ok(DeleteBucketOutput::default())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
pub(super) async fn head(backend: &Arc<Backend>, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
    expect(backend, input.bucket).await?;
    Ok(HeadBucketOutput { bucket_region: Some(backend.region.clone()), ..Default::default() })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html>; the region `us-east-1` is said by saying nothing.
pub(super) async fn location(backend: &Arc<Backend>, input: GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    expect(backend, input.bucket).await?;
    let constraint = Some(backend.region.clone()).filter(|region| region != "us-east-1");
    Ok(GetBucketLocationOutput { location_constraint: constraint.map(BucketLocationConstraint::from) })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html>; there is none, and it cannot be turned on.
pub(super) async fn versioning(backend: &Arc<Backend>, input: GetBucketVersioningInput) -> S3Result<GetBucketVersioningOutput> {
    expect(backend, input.bucket).await?;
    Ok(GetBucketVersioningOutput::default())
}

async fn expect(backend: &Arc<Backend>, bucket: String) -> S3Result<()> {
    let names = blocking(backend, |backend| backend.reads.buckets().map_err(failed)).await?;
    if names.iter().any(|(name, _)| *name == bucket) { Ok(()) } else { Err(no_such_bucket()) }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>; always one page.
pub(super) async fn list(backend: &Arc<Backend>, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let names = blocking(backend, |backend| backend.reads.buckets().map_err(failed)).await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let listed = names.into_iter().filter(|(name, _)| name.starts_with(&prefix));
    let buckets = listed.map(|(name, created_ms)| Bucket {
        bucket_region: None,
        creation_date: Some(from_ms(created_ms).into()),
        name: Some(name),
    });
    let owner = Owner { display_name: None, id: Some("tidegate".to_owned()) };
    Ok(ListBucketsOutput { buckets: Some(buckets.collect()), owner: Some(owner), prefix: input.prefix, continuation_token: None })
}
