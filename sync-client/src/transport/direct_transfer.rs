//! Large objects straight to the store: opened in a stream, written in parts by S3's own calls.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use tidegate_protocol::multipart::composite_sha256;
use tidegate_protocol::{ObjectKey, Sha256};
use tidegate_sigv4::Method;
use tidegate_store_probe::xml;

use super::direct::{DirectTransport, MAX_XML_BYTES, Request};
use super::multipart_xml::{ListedPart, complete, match_parts, read_parts, read_upload_id};
use super::payload::{FileSlice, Payload};
use super::retry::repeat;
use super::traffic::RequestKind;
use super::transfer::{CompleteOutcome, OpenOutcome, StoredPart, Transfer, UploadId, UploadState, opened, range_from};
use super::{Answer, HeadOutcome, PutCondition, PutOutcome, Transport as _, store_answer};
use crate::error::Error;

impl DirectTransport {
    async fn upload_call(&self, call: UploadCall<'_>) -> Result<Answer, Error> {
        let UploadCall { kind, method, key, query, headers, body } = call;
        self.send(Request { kind, method, key, query, headers, body, limit: MAX_XML_BYTES }).await
    }

    /// All parts that the store has of an upload; `None` if it has no such upload.
    async fn listed_parts(&self, key: &str, upload: &UploadId) -> Result<Option<Vec<ListedPart>>, Error> {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let marker = after.map(|after: u32| after.to_string());
            let page = repeat(&self.retry, || async {
                let mut query = vec![("uploadId", upload.0.as_str())];
                query.extend(marker.as_deref().map(|marker| ("part-number-marker", marker)));
                let (kind, method, headers, body) = (RequestKind::List, Method::Get, vec![], Payload::Empty);
                let answer = self.upload_call(UploadCall { kind, method, key, query, headers, body }).await?;
                match answer.status {
                    StatusCode::OK if !answer.is_of_somebody_else() => {
                        read_parts(&answer.body).map(Some).ok_or_else(|| answer.malformed("not a list of parts"))
                    }
                    _ if is_gone(&answer) => Ok(None),
                    _ => Err(store_answer::refusal(&answer)),
                }
            })
            .await?;
            let Some(page) = page else { return Ok(None) };
            parts.extend(page.parts);
            match page.next {
                // A marker that does not rise would go round for ever.
                Some(next) if after.is_none_or(|before| next > before) => after = Some(next),
                Some(_) | None => return Ok(Some(parts)),
            }
        }
    }

    /// What it means that there is no such upload: the object is whole, where it is there.
    async fn is_stored(&self, key: &ObjectKey) -> Result<bool, Error> {
        Ok(matches!(self.head(key).await?, HeadOutcome::Found { .. }))
    }

    async fn complete_once(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[ListedPart],
        hashes: &[Sha256],
    ) -> Result<CompleteOutcome, Error> {
        let name = key.to_string();
        let conditional = !self.conditions_refused.load(Ordering::Relaxed);
        let hash = STANDARD.encode(composite_sha256(hashes).as_bytes());
        let counted = !self.counts_refused.load(Ordering::Relaxed);
        let checksum = if counted { format!("{hash}-{}", hashes.len()) } else { hash };
        let mut headers = vec![("content-type", "application/xml".to_owned()), ("x-amz-checksum-sha256", checksum)];
        headers.extend(conditional.then(|| ("if-none-match", "*".to_owned())));
        let query = vec![("uploadId", upload.0.as_str())];
        let body = Payload::Held(complete(parts, hashes).into());
        let (kind, method) = (RequestKind::Put, Method::Post);
        let answer = self.upload_call(UploadCall { kind, method, key: &name, query, headers, body }).await?;
        // The store may find that it cannot only after it has begun to answer.
        let code = xml::error_code(&answer.body);
        match answer.status {
            _ if answer.is_of_somebody_else() => Err(answer.not_ours()),
            StatusCode::OK if code.is_empty() => Ok(CompleteOutcome::Stored),
            StatusCode::OK if code == "InternalError" || code == "SlowDown" => Err(answer.unavailable()),
            // Under a key that certifies its bytes nothing but these bytes can be.
            StatusCode::PRECONDITION_FAILED => Ok(CompleteOutcome::Stored),
            StatusCode::NOT_IMPLEMENTED if conditional => {
                self.conditions_refused.store(true, Ordering::Relaxed);
                Err(answer.unavailable())
            }
            // Garage cannot read a hash with the number of the parts.
            StatusCode::BAD_REQUEST if counted && cannot_read_the_count(&answer.body) => {
                self.counts_refused.store(true, Ordering::Relaxed);
                Err(answer.unavailable())
            }
            _ if is_gone(&answer) || code == "NoSuchUpload" => {
                Ok(if self.is_stored(key).await? { CompleteOutcome::Stored } else { CompleteOutcome::Gone })
            }
            _ if is_about_parts(&code) => Ok(CompleteOutcome::PartsDiffer),
            _ => Err(store_answer::refusal(&answer)),
        }
    }
}

fn cannot_read_the_count(body: &[u8]) -> bool {
    xml::error_code(body) == "InvalidRequest" && String::from_utf8_lossy(body).contains("invalid x-amz-checksum-sha256 header")
}

struct UploadCall<'a> {
    kind: RequestKind,
    method: Method,
    key: &'a str,
    query: Vec<(&'a str, &'a str)>,
    headers: Vec<(&'a str, String)>,
    body: Payload,
}

#[async_trait]
impl Transfer for DirectTransport {
    async fn open(&self, key: &ObjectKey, from: u64, to: Option<u64>) -> Result<OpenOutcome, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let headers: Vec<(&str, String)> = range_from(from, to).map(|range| ("range", range)).into_iter().collect();
            let (kind, method, query, body) = (RequestKind::Get, Method::Get, vec![], Payload::Empty);
            let request = Request { kind, method, key: &name, query, headers, body, limit: MAX_XML_BYTES };
            let offset_before = self.http.clock().offset_ms();
            let mut answer = self.http.open(self.sign(&request)?).await?;
            let was_corrected = self.http.clock().offset_ms() != offset_before;
            if was_corrected && store_answer::refuses_the_signature(&answer.answer) {
                answer = self.http.open(self.sign(&request)?).await?;
            }
            opened(answer)
        })
        .await
    }

    async fn put_file(&self, key: &ObjectKey, body: &FileSlice, condition: &PutCondition) -> Result<PutOutcome, Error> {
        self.put_body(key, &Payload::File(body.clone()), &body.sha256, condition).await
    }

    async fn create_upload(&self, key: &ObjectKey, _length: u64, _sha256: &Sha256) -> Result<UploadId, Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let headers =
                vec![("content-type", "application/octet-stream".to_owned()), ("x-amz-checksum-algorithm", "SHA256".to_owned())];
            let (kind, method, query, body) = (RequestKind::Put, Method::Post, vec![("uploads", "")], Payload::Empty);
            let answer = self.upload_call(UploadCall { kind, method, key: &name, query, headers, body }).await?;
            if answer.status != StatusCode::OK || answer.is_of_somebody_else() {
                return Err(store_answer::refusal(&answer));
            }
            read_upload_id(&answer.body).map(UploadId).ok_or_else(|| answer.malformed("an upload without a name"))
        })
        .await
    }

    async fn put_part(&self, key: &ObjectKey, upload: &UploadId, number: u32, body: &FileSlice) -> Result<(), Error> {
        let (name, number) = (key.to_string(), number.to_string());
        repeat(&self.retry, || async {
            let query = vec![("partNumber", number.as_str()), ("uploadId", upload.0.as_str())];
            let headers = vec![("x-amz-checksum-sha256", STANDARD.encode(body.sha256.as_bytes()))];
            let (kind, method, body) = (RequestKind::Put, Method::Put, Payload::File(body.clone()));
            let answer = self.upload_call(UploadCall { kind, method, key: &name, query, headers, body }).await?;
            store_answer::put(&answer, &PutCondition::None).map(drop)
        })
        .await
    }

    async fn upload_state(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadState, Error> {
        let part = |part: ListedPart| StoredPart { number: part.number, length: part.length, sha256: part.sha256 };
        match self.listed_parts(&key.to_string(), upload).await? {
            Some(parts) => Ok(UploadState::Open(parts.into_iter().map(part).collect())),
            None if self.is_stored(key).await? => Ok(UploadState::Stored),
            None => Ok(UploadState::Gone),
        }
    }

    async fn complete_upload(&self, key: &ObjectKey, upload: &UploadId, parts: &[Sha256]) -> Result<CompleteOutcome, Error> {
        let Some(listed) = self.listed_parts(&key.to_string(), upload).await? else {
            return Ok(if self.is_stored(key).await? { CompleteOutcome::Stored } else { CompleteOutcome::Gone });
        };
        let Some(listed) = match_parts(listed, parts) else { return Ok(CompleteOutcome::PartsDiffer) };
        repeat(&self.retry, || self.complete_once(key, upload, &listed, parts)).await
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), Error> {
        let name = key.to_string();
        repeat(&self.retry, || async {
            let (kind, method, headers, body) = (RequestKind::Delete, Method::Delete, vec![], Payload::Empty);
            let query = vec![("uploadId", upload.0.as_str())];
            let answer = self.upload_call(UploadCall { kind, method, key: &name, query, headers, body }).await?;
            match answer.status {
                StatusCode::OK | StatusCode::NO_CONTENT if !answer.is_of_somebody_else() => Ok(()),
                _ if is_gone(&answer) => Ok(()),
                _ => Err(store_answer::refusal(&answer)),
            }
        })
        .await
    }
}

/// Whether the store says that it has no such upload.
fn is_gone(answer: &Answer) -> bool {
    let code = xml::error_code(&answer.body);
    answer.status == StatusCode::NOT_FOUND
        && !answer.is_of_somebody_else()
        && matches!(code.as_str(), "NoSuchUpload" | "NoSuchKey")
}

/// Whether the store says that the parts are not the ones named.
fn is_about_parts(code: &str) -> bool {
    matches!(
        code,
        "InvalidPart" | "InvalidPartOrder" | "EntityTooSmall" | "BadDigest" | "InvalidRequest" | "XAmzContentChecksumMismatch"
    )
}
