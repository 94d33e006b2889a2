//! The handlers of `POST /v1/multipart/...`.

use axum::extract::State;
use tidegate_protocol::multipart::{
    AbortUploadReply, AbortUploadRequest, CompleteUploadReply, CompleteUploadRequest, CreateUploadReply, CreateUploadRequest,
    PART_BYTES, UploadPartsReply, UploadPartsRequest, UploadedPart, UploadedParts, composite_sha256, part_count,
};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::{ObjectKey, Sha256};

use super::request::UploadRequest;
use super::stored::{is_whole, match_parts, may_be_whole};
use crate::audit::{Action, kind_of};
use crate::broker::Broker;
use crate::json::Json;
use crate::presign::policy::authorize_upload;
use crate::presign::upload_id::UploadId;
use crate::problem::Problem;
use crate::session::Caller;
use crate::store::{Completion, tells_composite};

/// Begins an upload in parts. Costs the bytes of one part of the account's day, so that beginning is bounded too.
#[utoipa::path(
    post,
    path = "/v1/multipart/create",
    tag = "objects",
    request_body = CreateUploadRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The upload", body = CreateUploadReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(broker): State<Broker>,
    caller: Caller,
    Json(body): Json<CreateUploadRequest>,
) -> Result<Json<CreateUploadReply>, Problem> {
    let request = UploadRequest::create(&body)?;
    authorize_upload(caller.scopes(), &request)?;
    let UploadRequest::Create { key, length, sha256: _ } = request else { return Err(Problem::internal_without_cause()) };
    if !caller.take_bytes(&broker, PART_BYTES, broker.clock.now()) {
        let message = "the account's bytes of the day are used up; try again tomorrow (UTC)";
        return Err(Problem::new(ProblemCode::DailyLimit, message));
    }
    let store_id = broker.store.create_upload(&key).await?;
    let upload = UploadId { length, store_id };
    let upload_id = broker.uploads.issue(&key, &upload).ok_or_else(|| {
        tracing::error!("the store gave an upload id that is not 1 to 1,024 visible ASCII characters");
        Problem::internal_without_cause()
    })?;
    let part_count = part_count(length).ok_or_else(Problem::internal_without_cause)?;
    caller.note(&broker, Action::UploadCreated { kind: kind_of(&key).to_owned() }, broker.clock.now());
    Ok(Json(CreateUploadReply { upload_id, part_bytes: PART_BYTES, part_count }))
}

/// Lists the parts that the store has, so that an upload can go on where it stopped.
#[utoipa::path(
    post,
    path = "/v1/multipart/parts",
    tag = "objects",
    request_body = UploadPartsRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The parts, or that the object is whole", body = UploadPartsReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn parts(
    State(broker): State<Broker>,
    caller: Caller,
    Json(body): Json<UploadPartsRequest>,
) -> Result<Json<UploadPartsReply>, Problem> {
    let request = UploadRequest::parts(&body, &broker.uploads)?;
    authorize_upload(caller.scopes(), &request)?;
    let UploadRequest::Parts { key, upload, after } = request else { return Err(Problem::internal_without_cause()) };
    let Some(page) = broker.store.list_parts(&key, &upload.store_id, after).await? else {
        let count = part_count(upload.length).unwrap_or(0);
        let whole = broker.store.whole(&key).await?;
        let stored = whole.is_some_and(|whole| may_be_whole(&whole, upload.length, key.digest(), count));
        return if stored { Ok(Json(UploadPartsReply::Stored)) } else { Err(gone()) };
    };
    let parts = page.parts.into_iter().map(|part| UploadedPart { number: part.number, length: part.length, sha256: part.sha256 });
    Ok(Json(UploadPartsReply::Open(UploadedParts { parts: parts.collect(), next: page.next })))
}

/// Makes the parts one object. May be repeated: an object that is whole already is what was asked for.
#[utoipa::path(
    post,
    path = "/v1/multipart/complete",
    tag = "objects",
    request_body = CompleteUploadRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "The object is stored", body = CompleteUploadReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn complete(
    State(broker): State<Broker>,
    caller: Caller,
    Json(body): Json<CompleteUploadRequest>,
) -> Result<Json<CompleteUploadReply>, Problem> {
    let request = UploadRequest::complete(&body, &broker.uploads)?;
    authorize_upload(caller.scopes(), &request)?;
    let UploadRequest::Complete { key, upload, parts } = request else { return Err(Problem::internal_without_cause()) };
    let length = upload.length;
    // A client that gives up waiting does not stop what the store has begun: the next try finds it done.
    let kind = kind_of(&key).to_owned();
    let finishing = broker.clone();
    let finished = tokio::spawn(async move { finish(&finishing, &key, &upload, &parts).await }).await;
    finished.map_err(Problem::internal)??;
    caller.note(&broker, Action::UploadCompleted { kind }, broker.clock.now());
    Ok(Json(CompleteUploadReply { length }))
}

/// Forgets an upload and its parts. An object that is whole stays.
#[utoipa::path(
    post,
    path = "/v1/multipart/abort",
    tag = "objects",
    request_body = AbortUploadRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "There is no such upload any more", body = AbortUploadReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn abort(
    State(broker): State<Broker>,
    caller: Caller,
    Json(body): Json<AbortUploadRequest>,
) -> Result<Json<AbortUploadReply>, Problem> {
    let request = UploadRequest::abort(&body, &broker.uploads)?;
    authorize_upload(caller.scopes(), &request)?;
    let UploadRequest::Abort { key, upload } = request else { return Err(Problem::internal_without_cause()) };
    let was_there = broker.store.abort_upload(&key, &upload.store_id).await?;
    if was_there {
        caller.note(&broker, Action::UploadAborted { kind: kind_of(&key).to_owned() }, broker.clock.now());
    }
    Ok(Json(if was_there { AbortUploadReply::Aborted } else { AbortUploadReply::Absent }))
}

async fn finish(broker: &Broker, key: &ObjectKey, upload: &UploadId, hashes: &[Sha256]) -> Result<(), Problem> {
    let sha256 = composite_sha256(hashes);
    let whole = WholeObject { broker, key, length: upload.length, sha256: &sha256, parts: hashes.len() };
    let Some(stored) = broker.store.all_parts(key, &upload.store_id).await? else {
        return whole.or(gone()).await;
    };
    let parts = match_parts(upload.length, hashes, stored).map_err(mismatch)?;
    let create_only = broker.profile.conditional_create.is_honoured();
    match broker.store.complete_upload(key, &upload.store_id, &parts, &sha256, create_only).await {
        Completion::Done(Some(told)) if tells_composite(&told, &sha256, parts.len()) => Ok(()),
        // Not every store tells what it has made: look.
        Completion::Done(_) => whole.or(another()).await,
        Completion::NoSuchUpload => whole.or(gone()).await,
        Completion::Exists => {
            whole.or(another()).await?;
            // The object was completed from another upload; these parts are of no use any more.
            if let Err(error) = broker.store.abort_upload(key, &upload.store_id).await {
                tracing::warn!(%error, "the parts of an upload whose object exists already could not be removed");
            }
            Ok(())
        }
        Completion::Conflict => {
            let conflict = Problem::new(ProblemCode::StateConflict, "the same object is being written; try again shortly");
            whole.or(conflict).await
        }
        Completion::Mismatch(error) => {
            let message = "the store does not take these parts for the object; list them, upload what differs, complete again";
            whole.or(Problem::new(ProblemCode::PartsMismatch, message).caused_by(error)).await
        }
        Completion::Unknown(error) => whole.or(error.into()).await,
    }
}

/// The object that a completion is to make.
struct WholeObject<'a> {
    broker: &'a Broker,
    key: &'a ObjectKey,
    length: u64,
    sha256: &'a Sha256,
    parts: usize,
}

impl WholeObject<'_> {
    /// HEAD decides: whatever became of the completion, an object that is there and whole is success.
    async fn or(&self, problem: Problem) -> Result<(), Problem> {
        match self.broker.store.whole(self.key).await? {
            Some(whole) if is_whole(&whole, self.length, self.sha256, self.parts) => Ok(()),
            Some(_) => Err(another()),
            None => Err(problem),
        }
    }
}

fn gone() -> Problem {
    Problem::new(ProblemCode::UploadGone, "there is no such upload any more, and no such object; begin anew")
}

fn mismatch(number: u32) -> Problem {
    let message = format!("part {number} is missing in the store, or is another; list the parts and upload it again");
    Problem::new(ProblemCode::PartsMismatch, message)
}

fn another() -> Problem {
    Problem::new(ProblemCode::DigestMismatch, "the store has an object of this key that is not made of these parts")
}
