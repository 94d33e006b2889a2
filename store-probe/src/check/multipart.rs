//! Uploads in parts, and the condition on their completion.

use bytes::Bytes;
use futures_util::future::join_all;
use tidegate_protocol::capability::{Precondition, Support};
use tidegate_sigv4::Method;

use super::put_conditions::{Alone, judge_unmet};
use super::race::{Race, goes_on, judge, told, verdict};
use crate::answer::Reply;
use crate::error::ProbeError;
use crate::ground::{Ground, Via, checksum};
use crate::target::Who;
use crate::xml;

const STATE: (Who, Via) = (Who::State, Via::Internal);
/// Uploads that are completed at once to one key.
const RIVALS: usize = 4;
const ROUNDS: usize = 2;
const MOST_ROUNDS: usize = 6;

/// What uploads in parts come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multipart {
    pub(crate) support: Support,
    pub(crate) complete: Precondition,
}

/// An upload of one part, not completed yet.
pub(crate) struct Upload {
    key: String,
    pub(crate) id: String,
    bytes: Bytes,
    etag: String,
}

/// Uploads a part by a presigned URL, completes, reads; then with a condition that does not hold, then in races.
pub(crate) async fn multipart(ground: &Ground, via: Via) -> Result<Multipart, ProbeError> {
    let refused = |support| Multipart { support, complete: Precondition::Refused };
    let key = ground.key("multipart/one");
    let Some(upload) = begin(ground, via, &key, "first").await? else { return Ok(refused(Support::Refused)) };
    let reply = complete(ground, &upload, &[]).await?;
    if !is_completed(&reply) || ground.stored(&key).await?.as_ref() != Some(&upload.bytes) {
        return Ok(refused(Support::Broken));
    }
    let condition = [("if-none-match", "*".to_owned())];
    let Some(second) = begin(ground, via, &key, "second").await? else { return Ok(refused(Support::Broken)) };
    let reply = complete(ground, &second, &condition).await?;
    let changed = ground.stored(&key).await?.as_ref() != Some(&upload.bytes);
    let complete = match judge_unmet(&reply, changed) {
        Alone::Refused => Precondition::Refused,
        Alone::Ignored => Precondition::Ignored,
        Alone::Wrong => Precondition::NotAtomic,
        Alone::Honoured => races(ground, via).await?,
    };
    Ok(Multipart { support: Support::Works, complete })
}

async fn races(ground: &Ground, via: Via) -> Result<Precondition, ProbeError> {
    let condition = [("if-none-match", "*".to_owned())];
    let mut proofs = Vec::new();
    while goes_on(&proofs, ROUNDS, MOST_ROUNDS) {
        let round = proofs.len();
        let key = ground.key(&format!("multipart/race-{round}"));
        let mut uploads = Vec::new();
        for rival in 0..RIVALS {
            let Some(upload) = begin(ground, via, &key, &format!("rival {round} {rival}")).await? else {
                return Ok(Precondition::NotAtomic);
            };
            uploads.push(upload);
        }
        let replies = join_all(uploads.iter().map(|upload| complete(ground, upload, &condition))).await;
        let stored = ground.stored(&key).await?;
        let told = replies.into_iter().map(|reply| Ok(told(&reply?))).collect::<Result<_, ProbeError>>()?;
        let stored = stored.and_then(|stored| uploads.iter().position(|upload| upload.bytes == stored));
        proofs.push(judge(&Race { told, stored }));
    }
    Ok(verdict(&proofs))
}

/// Creates an upload and sends its one part by a presigned URL; `None` if the store will not.
pub(crate) async fn begin(ground: &Ground, via: Via, key: &str, label: &str) -> Result<Option<Upload>, ProbeError> {
    let bytes = ground.bytes(&format!("part of {key}, {label}"));
    let Some(id) = create(ground, key).await? else { return Ok(None) };
    let url = ground.put_url(via, key, &[("partNumber", "1"), ("uploadId", &id)], &bytes, false)?;
    let reply = ground.fire(|| url.honest(bytes.clone())).await;
    let etag = reply.ok().filter(|answer| answer.is_success()).and_then(|answer| answer.etag().map(str::to_owned));
    Ok(etag.map(|etag| Upload { key: key.to_owned(), id, bytes, etag }))
}

/// The id of a new upload whose parts carry SHA-256, as the broker begins them; `None` if the store will not.
pub(crate) async fn create(ground: &Ground, key: &str) -> Result<Option<String>, ProbeError> {
    create_with(ground, key, &[("x-amz-checksum-algorithm", "SHA256".to_owned())]).await
}

pub(crate) async fn create_with(ground: &Ground, key: &str, headers: &[(&str, String)]) -> Result<Option<String>, ProbeError> {
    let reply = ground.call(STATE, Method::Post, key, &[("uploads", "")], headers, Bytes::new()).await?;
    let created = reply.ok().filter(|answer| answer.is_success());
    Ok(created.and_then(|answer| xml::text_at(&answer.body, &["InitiateMultipartUploadResult", "UploadId"])))
}

async fn complete(ground: &Ground, upload: &Upload, condition: &[(&str, String)]) -> Result<Reply, ProbeError> {
    let Upload { key, id, bytes, etag } = upload;
    let etag = etag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let document = format!(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><PartNumber>1</PartNumber>\
         <ETag>{etag}</ETag><ChecksumSHA256>{}</ChecksumSHA256></Part></CompleteMultipartUpload>",
        checksum(bytes)
    );
    let headers: Vec<_> = [("content-type", "application/xml".to_owned())].into_iter().chain(condition.iter().cloned()).collect();
    let reply = ground.call(STATE, Method::Post, key, &[("uploadId", id)], &headers, Bytes::from(document)).await?;
    // A completion may answer 200 and tell its failure in the body.
    Ok(reply.map(|mut answer| {
        if answer.is_success() && !answer.code().is_empty() {
            answer.status = if answer.code() == "PreconditionFailed" { 412 } else { 400 };
        }
        answer
    }))
}

fn is_completed(reply: &Reply) -> bool {
    reply.as_ref().is_ok_and(|answer| answer.is_success())
}
