//! What the key of a verified request may do. Whatever is not named here takes an administrator.

use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{
    CopyObjectInput, DeleteObjectsInput, ListMultipartUploadsInput, ListObjectsInput, ListObjectsV2Input, PostObjectInput,
    UploadPartCopyInput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::keys::Keys;
use super::refusal::Refusal;
use crate::config::{AccessKey, Action};
use crate::operation::{self, Refusals};

/// Checks rights by action and prefix.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    keys: Keys,
    region: String,
}

impl Rights {
    pub(crate) const fn new(keys: Keys, region: String) -> Self {
        Self { keys, region }
    }

    fn key(&self, credentials: Option<&s3s::auth::Credentials>) -> S3Result<&AccessKey> {
        let denied = || S3Error::with_message(S3ErrorCode::AccessDenied, "requests must be signed");
        credentials.and_then(|credentials| self.keys.get(&credentials.access_key)).ok_or_else(denied)
    }
}

#[async_trait::async_trait]
impl S3Access for Rights {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let key = self.key(context.credentials())?;
        let object = context.s3_path().get_object_key().unwrap_or_default();
        let operation = context.s3_op().name();
        let (allowed, needed) = match operation {
            "GetObject" | "HeadObject" => (key.allows(Action::GetObject, object), Action::GetObject.name()),
            // Who only writes does not read, so it lists no parts; and it removes nothing, so it aborts nothing.
            "ListParts" => (key.allows(Action::GetObject, object), Action::GetObject.name()),
            "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
                (key.allows(Action::PutObject, object), Action::PutObject.name())
            }
            "DeleteObject" | "AbortMultipartUpload" => (key.allows(Action::DeleteObject, object), Action::DeleteObject.name()),
            // What a form or a list names is checked below, as it was parsed for the operation itself; so is the source of a copy.
            "CopyObject" | "UploadPartCopy" => (key.allows(Action::PutObject, object), Action::PutObject.name()),
            "PostObject" => (key.allows_somewhere(Action::PutObject), Action::PutObject.name()),
            "DeleteObjects" => (key.allows_somewhere(Action::DeleteObject), Action::DeleteObject.name()),
            "ListObjects"
            | "ListObjectsV2"
            | "ListMultipartUploads"
            | "HeadBucket"
            | "GetBucketLocation"
            | "GetBucketVersioning" => (key.allows_somewhere(Action::ListBucket), Action::ListBucket.name()),
            _ => (key.is_administrator(), operation),
        };
        if allowed { Ok(()) } else { Err(denied(needed)) }
    }

    /// Who copies reads, too.
    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let (_, source) = operation::copy_source(&request.input.copy_source)?;
        if key.allows(Action::GetObject, &source) { Ok(()) } else { Err(denied(Action::GetObject.name())) }
    }

    async fn upload_part_copy(&self, request: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let (_, source) = operation::copy_source(&request.input.copy_source)?;
        if key.allows(Action::GetObject, &source) { Ok(()) } else { Err(denied(Action::GetObject.name())) }
    }

    /// Takes out what must not be deleted; the answer names it.
    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let asked = std::mem::take(&mut request.input.delete.objects);
        let (allowed, refused): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|object| key.allows(Action::DeleteObject, &object.key));
        request.input.delete.objects = allowed;
        request.extensions.insert(Refusals(refused.into_iter().map(|object| object.key).collect()));
        Ok(())
    }

    /// `s3s` holds a form against its policy, expiry included (by the system's clock), but takes signatures of version 2 and of any region.
    async fn post_object(&self, request: &mut S3Request<PostObjectInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        // A signature of version 2 names no region.
        let found = request.region.as_ref().map(|region| region.as_str()).ok_or(Refusal::SignatureVersion2)?;
        if found != self.region {
            return Err(Refusal::Region { found: found.to_owned(), expected: self.region.clone() }.into());
        }
        if request.input.key.contains('\0') {
            return Err(Refusal::Nul.into());
        }
        // `s3s` leaves the length of an empty file out, and then that of the form would count.
        request.input.content_length.get_or_insert(0);
        if key.allows(Action::PutObject, &request.input.key) { Ok(()) } else { Err(denied(Action::PutObject.name())) }
    }

    async fn list_objects(&self, request: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let prefix = request.input.prefix.as_deref().unwrap_or_default();
        if key.allows(Action::ListBucket, prefix) { Ok(()) } else { Err(denied(Action::ListBucket.name())) }
    }

    async fn list_multipart_uploads(&self, request: &mut S3Request<ListMultipartUploadsInput>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let prefix = request.input.prefix.as_deref().unwrap_or_default();
        if key.allows(Action::ListBucket, prefix) { Ok(()) } else { Err(denied(Action::ListBucket.name())) }
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        let key = self.key(request.credentials.as_ref())?;
        let prefix = request.input.prefix.as_deref().unwrap_or_default();
        if key.allows(Action::ListBucket, prefix) { Ok(()) } else { Err(denied(Action::ListBucket.name())) }
    }
}

fn denied(needed: &str) -> S3Error {
    S3Error::with_message(S3ErrorCode::AccessDenied, format!("this access key has no right to {needed} here"))
}
