//! Uploads in parts at the store, by aws-sdk-s3: begun, looked at, completed, aborted. The parts themselves never pass here.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart as SdkPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tidegate_protocol::{ObjectKey, Sha256};

use super::client::{StoreClient, StoreError, failed, status_of};

/// Some stores copy every part when an upload is completed, and keep the request open meanwhile.
const COMPLETION_ATTEMPT: Duration = Duration::from_secs(300);
const COMPLETION: Duration = Duration::from_secs(900);

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPart {
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) length: u64,
    pub(crate) etag: String,
    /// Where the store tells it.
    pub(crate) sha256: Option<Sha256>,
}

/// An upload that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    pub(crate) key: String,
    pub(crate) id: String,
}

/// A page of parts.
#[derive(Debug, Clone)]
pub(crate) struct PartsPage {
    pub(crate) parts: Vec<StoredPart>,
    /// Where the next page begins: after this number.
    pub(crate) next: Option<u32>,
}

/// A part as a completion names it.
#[derive(Debug, Clone)]
pub(crate) struct CompletedPart {
    pub(crate) number: u32,
    pub(crate) etag: String,
    pub(crate) sha256: Sha256,
}

/// What the store said to a completion.
#[derive(Debug)]
pub(crate) enum Completion {
    /// Done; with the hash of the whole, where the store tells it.
    Done(Option<String>),
    /// There is an object of this key already.
    Exists,
    /// There is no such upload, not any more.
    NoSuchUpload,
    /// A racing write of the same key is under way.
    Conflict,
    /// The parts are not those named.
    Mismatch(StoreError),
    /// Not known: perhaps done, perhaps not.
    Unknown(StoreError),
}

/// What HEAD says of a whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Bytes.
    pub(crate) length: u64,
    /// Its SHA-256 as S3 writes it, where the store tells it.
    pub(crate) checksum: Option<String>,
}

/// A composite hash as S3 writes it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
pub(crate) fn composite_text(sha256: &Sha256, parts: usize) -> String {
    format!("{}-{parts}", uncounted_text(sha256))
}

/// The same as Garage writes and reads it: without the number of the parts.
fn uncounted_text(sha256: &Sha256) -> String {
    STANDARD.encode(sha256.as_bytes())
}

/// Whether a store tells this composite hash, in either spelling.
pub(crate) fn tells_composite(told: &str, sha256: &Sha256, parts: usize) -> bool {
    told == composite_text(sha256, parts) || told == uncounted_text(sha256)
}

/// Whether a completion was refused for the spelling of its hash alone: Garage cannot read one with the number of the parts.
fn cannot_read_the_count(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("InvalidRequest") && message.is_some_and(|message| message.contains("invalid x-amz-checksum-sha256 header"))
}

impl StoreClient {
    /// Begins an upload; the store's id.
    pub(crate) async fn create_upload(&self, key: &ObjectKey) -> Result<String, StoreError> {
        let request = self.client().create_multipart_upload().bucket(&self.bucket).key(key.to_string());
        let request = request.content_type("application/octet-stream").checksum_algorithm(ChecksumAlgorithm::Sha256);
        let reply = self.time("create-upload", request.send()).await.map_err(|error| failed("CREATE UPLOAD", error))?;
        let fault = || StoreError::Object { key: key.to_string(), fault: "begun by the store without an upload id" };
        reply.upload_id().map(str::to_owned).ok_or_else(fault)
    }

    /// The parts above `after`; `None` if there is no such upload.
    pub(crate) async fn list_parts(&self, key: &ObjectKey, upload: &str, after: u32) -> Result<Option<PartsPage>, StoreError> {
        let request = self.client().list_parts().bucket(&self.bucket).key(key.to_string()).upload_id(upload);
        let reply = match self.time("list-parts", request.part_number_marker(after.to_string()).send()).await {
            Ok(reply) => reply,
            Err(error) if is_no_such_upload(&error) => return Ok(None),
            Err(error) => return Err(failed("LIST PARTS", error)),
        };
        let parts: Vec<StoredPart> = reply.parts().iter().filter_map(stored_part).collect();
        // A page that says there is more but does not move on would be asked for for ever.
        let last = parts.last().map(|part| part.number);
        let next = last.filter(|last| reply.is_truncated() == Some(true) && *last > after);
        Ok(Some(PartsPage { parts, next }))
    }

    /// Every part of an upload; `None` if there is no such upload.
    pub(crate) async fn all_parts(&self, key: &ObjectKey, upload: &str) -> Result<Option<Vec<StoredPart>>, StoreError> {
        let mut parts = Vec::new();
        let mut after = 0;
        loop {
            let Some(page) = self.list_parts(key, upload, after).await? else { return Ok(None) };
            parts.extend(page.parts);
            match page.next {
                Some(next) => after = next,
                None => return Ok(Some(parts)),
            }
        }
    }

    /// Lets the key name the parts, each with its hash, and the whole with the hash over them; where `create_only`, unless the key
    /// names an object already.
    pub(crate) async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &str,
        parts: &[CompletedPart],
        whole: &Sha256,
        create_only: bool,
    ) -> Completion {
        let named = parts.iter().map(|part| {
            let number = i32::try_from(part.number).unwrap_or(i32::MAX);
            let sha256 = STANDARD.encode(part.sha256.as_bytes());
            SdkPart::builder().part_number(number).e_tag(&part.etag).checksum_sha256(sha256).build()
        });
        let list = CompletedMultipartUpload::builder().set_parts(Some(named.collect())).build();
        let complete = async |checksum: String| {
            let request = self.client().complete_multipart_upload().bucket(&self.bucket).key(key.to_string()).upload_id(upload);
            let request = request.multipart_upload(list.clone()).checksum_sha256(checksum);
            let request = if create_only { request.if_none_match("*") } else { request };
            let patience =
                TimeoutConfig::builder().operation_attempt_timeout(COMPLETION_ATTEMPT).operation_timeout(COMPLETION).build();
            let patient = aws_sdk_s3::config::Config::builder().timeout_config(patience);
            self.time("complete-upload", request.customize().config_override(patient).send()).await
        };
        let answer = match complete(composite_text(whole, parts.len())).await {
            Err(error) if cannot_read_the_count(error.code(), error.message()) => complete(uncounted_text(whole)).await,
            answer => answer,
        };
        match answer {
            Ok(reply) => Completion::Done(reply.checksum_sha256().map(str::to_owned)),
            Err(error) if is_no_such_upload(&error) => Completion::NoSuchUpload,
            Err(error) => match status_of(&error) {
                Some(412) => Completion::Exists,
                Some(409) => Completion::Conflict,
                Some(400) => Completion::Mismatch(failed("COMPLETE UPLOAD", error)),
                Some(_) | None => Completion::Unknown(failed("COMPLETE UPLOAD", error)),
            },
        }
    }

    /// Every upload under the prefix that was begun and not ended.
    pub(crate) async fn uploads(&self, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        let is_under = |upload: &OpenUpload| upload.key.starts_with(prefix);
        let mut uploads = self.uploads_listed(prefix).await?;
        // MinIO knows no folders here: it lists the uploads of one whole key, or all.
        if uploads.is_empty() && !prefix.is_empty() {
            uploads = self.uploads_listed("").await?;
        }
        // Whatever a store makes of a prefix: another's uploads are not touched.
        uploads.retain(is_under);
        Ok(uploads)
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    async fn uploads_listed(&self, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        let mut uploads: Vec<OpenUpload> = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let request = self.client().list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let request = request.set_key_marker(key_marker).set_upload_id_marker(id_marker);
            let page = self.time("list-uploads", request.send()).await.map_err(|error| failed("LIST UPLOADS", error))?;
            let found = page
                .uploads()
                .iter()
                .filter_map(|upload| Some(OpenUpload { key: upload.key()?.to_owned(), id: upload.upload_id()?.to_owned() }));
            let before = uploads.len();
            uploads.extend(found);
            // A page that says there is more but brings nothing would be asked for for ever.
            if page.is_truncated() != Some(true) || uploads.len() == before {
                return Ok(uploads);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_upload_id_marker().map(str::to_owned);
        }
    }

    /// Forgets an upload and its parts; `false` if there is none.
    pub(crate) async fn abort_upload(&self, key: &ObjectKey, upload: &str) -> Result<bool, StoreError> {
        self.abort_named_upload(&key.to_string(), upload).await
    }

    /// The same by the name in a listing.
    pub(crate) async fn abort_named_upload(&self, key: &str, upload: &str) -> Result<bool, StoreError> {
        let request = self.client().abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        match self.time("abort-upload", request.send()).await {
            Ok(_) => Ok(true),
            Err(error) if is_no_such_upload(&error) => Ok(false),
            Err(error) => Err(failed("ABORT UPLOAD", error)),
        }
    }

    /// What the key names, if anything, with its hash.
    pub(crate) async fn whole(&self, key: &ObjectKey) -> Result<Option<Whole>, StoreError> {
        let request = self.client().head_object().bucket(&self.bucket).key(key.to_string()).checksum_mode(ChecksumMode::Enabled);
        match self.time("head", request.send()).await {
            Ok(reply) => Ok(Some(Whole {
                length: reply.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                checksum: reply.checksum_sha256().map(str::to_owned),
            })),
            Err(error) if status_of(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed("HEAD", error)),
        }
    }
}

/// A missing bucket answers 404 too, and must not be taken for an upload that is over.
fn is_no_such_upload<E>(error: &SdkError<E>) -> bool
where
    SdkError<E>: aws_sdk_s3::error::ProvideErrorMetadata,
{
    match error.code() {
        Some(code) => code == "NoSuchUpload",
        None => status_of(error) == Some(404),
    }
}

fn stored_part(part: &aws_sdk_s3::types::Part) -> Option<StoredPart> {
    Some(StoredPart {
        number: u32::try_from(part.part_number()?).ok()?,
        length: u64::try_from(part.size()?).ok()?,
        etag: part.e_tag()?.to_owned(),
        sha256: part.checksum_sha256().and_then(sha256_of_base64),
    })
}

fn sha256_of_base64(text: &str) -> Option<Sha256> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Sha256::from_bytes)
}
