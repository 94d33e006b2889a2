//! Large objects through a broker: bodies go straight to the store under signed URLs; beginning and ending an upload in parts is
//! the broker's to do.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_protocol::multipart::{
    AbortUploadReply, AbortUploadRequest, CompleteUploadReply, CompleteUploadRequest, CreateUploadReply, CreateUploadRequest,
    PART_BYTES, UploadPartsReply, UploadPartsRequest,
};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::{ObjectKey, Sha256};

use super::broker::BrokerTransport;
use super::payload::{FileSlice, Payload};
use super::retry::repeat;
use super::traffic::RequestKind;
use super::transfer::{CompleteOutcome, OpenOutcome, StoredPart, Transfer, UploadId, UploadState, opened, range_from};
use super::{PutCondition, PutOutcome, Want};
use crate::error::Error;

impl BrokerTransport {
    async fn upload_call<B, T>(&self, path: &'static str, body: &B) -> Result<T, Error>
    where
        B: Serialize + Sync,
        T: DeserializeOwned,
    {
        repeat(&self.retry, || self.session.call_with_token(RequestKind::Presign, path, body)).await
    }
}

#[async_trait]
impl Transfer for BrokerTransport {
    async fn open(&self, key: &ObjectKey, from: u64, to: Option<u64>) -> Result<OpenOutcome, Error> {
        let want = Want::Get(key.clone());
        let range: Vec<(String, String)> = range_from(from, to).map(|range| ("range".to_owned(), range)).into_iter().collect();
        repeat(&self.retry, || async { opened(self.open_answer(&want, &range).await?) }).await
    }

    async fn put_file(&self, key: &ObjectKey, body: &FileSlice, condition: &PutCondition) -> Result<PutOutcome, Error> {
        let (length, sha256) = (body.length, body.sha256);
        let want = Want::Put { key: key.clone(), length, sha256, condition: condition.clone() };
        self.put_body(&want, &Payload::File(body.clone()), condition).await
    }

    async fn create_upload(&self, key: &ObjectKey, length: u64, sha256: &Sha256) -> Result<UploadId, Error> {
        let body = CreateUploadRequest { key: key.to_string(), length, sha256: sha256.to_string() };
        let reply: CreateUploadReply = self.upload_call("/v1/multipart/create", &body).await?;
        if reply.part_bytes != PART_BYTES {
            return Err(self.session.malformed("parts of another size than the protocol's"));
        }
        Ok(UploadId(reply.upload_id))
    }

    async fn put_part(&self, key: &ObjectKey, upload: &UploadId, number: u32, body: &FileSlice) -> Result<(), Error> {
        let (key, upload) = (key.clone(), upload.clone());
        let want = Want::PutPart { key, upload, number, length: body.length, sha256: body.sha256 };
        self.put_body(&want, &Payload::File(body.clone()), &PutCondition::None).await.map(drop)
    }

    async fn upload_state(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadState, Error> {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let body = UploadPartsRequest { key: key.to_string(), upload_id: upload.0.clone(), after };
            let page = match self.upload_call("/v1/multipart/parts", &body).await {
                Ok(UploadPartsReply::Open(page)) => page,
                Ok(UploadPartsReply::Stored) => return Ok(UploadState::Stored),
                Err(Error::Problem { code: ProblemCode::UploadGone | ProblemCode::UploadIdInvalid, .. }) => {
                    return Ok(UploadState::Gone);
                }
                Err(error) => return Err(error),
            };
            let part = |part: tidegate_protocol::multipart::UploadedPart| StoredPart {
                number: part.number,
                length: part.length,
                sha256: part.sha256,
            };
            parts.extend(page.parts.into_iter().map(part));
            match page.next {
                Some(next) if after.is_none_or(|before| next > before) => after = Some(next),
                Some(_) | None => return Ok(UploadState::Open(parts)),
            }
        }
    }

    async fn complete_upload(&self, key: &ObjectKey, upload: &UploadId, parts: &[Sha256]) -> Result<CompleteOutcome, Error> {
        let parts = parts.iter().map(ToString::to_string).collect();
        let body = CompleteUploadRequest { key: key.to_string(), upload_id: upload.0.clone(), parts };
        match self.upload_call::<_, CompleteUploadReply>("/v1/multipart/complete", &body).await {
            Ok(_) => Ok(CompleteOutcome::Stored),
            Err(Error::Problem { code: ProblemCode::PartsMismatch, .. }) => Ok(CompleteOutcome::PartsDiffer),
            Err(Error::Problem { code: ProblemCode::UploadGone, .. }) => Ok(CompleteOutcome::Gone),
            Err(error) => Err(error),
        }
    }

    async fn abort_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), Error> {
        let body = AbortUploadRequest { key: key.to_string(), upload_id: upload.0.clone() };
        self.upload_call::<_, AbortUploadReply>("/v1/multipart/abort", &body).await.map(drop)
    }
}
