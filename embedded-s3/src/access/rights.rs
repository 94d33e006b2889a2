//! What the key of a verified request may do. Whatever is not named here takes an administrator.

use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{ListMultipartUploadsInput, ListObjectsV2Input};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::keys::Keys;
use crate::config::{AccessKey, Action};

/// Checks rights by action and prefix.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    keys: Keys,
}

impl Rights {
    pub(crate) const fn new(keys: Keys) -> Self {
        Self { keys }
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
            // The prefix of a LIST is checked below, as it was parsed for the listing itself.
            "ListObjectsV2" | "ListMultipartUploads" | "HeadBucket" => {
                (key.allows_somewhere(Action::ListBucket), Action::ListBucket.name())
            }
            _ => (key.is_administrator(), operation),
        };
        if allowed { Ok(()) } else { Err(denied(needed)) }
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
