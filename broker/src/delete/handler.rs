//! The handler of `POST /v1/delete`.

use axum::extract::State;
use futures_util::stream::{self, StreamExt as _};
use tidegate_protocol::ObjectKey;
use tidegate_protocol::delete::{DeleteBatch, DeleteOutcome, DeleteReply};
use tidegate_protocol::presign::{MAX_BATCH, Refusal};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use time::OffsetDateTime;

use super::audit::AuditDocument;
use super::rules::{self, refused};
use crate::audit::Action;
use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::Caller;
use crate::store::StoreError;

/// Calls to the store that one deletion keeps under way.
const CALLS_AT_ONCE: usize = 16;

/// What is known of one key on its way.
enum Step {
    Decided(DeleteOutcome),
    /// It is there, it is old enough, and it may go.
    Due(ObjectKey),
}

/// Deletes objects of the caller's own account: content and history that nothing refers to any more, 7 days old at least.
#[utoipa::path(
    post,
    path = "/v1/delete",
    tag = "objects",
    request_body = DeleteBatch,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "One result for each key, in order", body = DeleteReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(broker): State<Broker>,
    caller: Caller,
    Json(batch): Json<DeleteBatch>,
) -> Result<Json<DeleteReply>, Problem> {
    caller.require_full()?;
    if !(1..=MAX_BATCH).contains(&batch.keys.len()) {
        return Err(Problem::new(ProblemCode::BatchSize, format!("a batch holds 1 to {MAX_BATCH} keys")));
    }
    let now = broker.clock.now();
    let steps = check_all(&broker, &caller, &batch.keys, now).await?;
    audit(&broker, &caller, &steps, now).await?;
    let results = delete_all(&broker, steps).await?;
    let deleted = results.iter().filter(|outcome| matches!(outcome, DeleteOutcome::Deleted)).count();
    for outcome in &results {
        if let DeleteOutcome::Refused(refusal) = outcome {
            broker.metrics.item_refused(refusal.code);
        }
    }
    if deleted > 0 {
        caller.note(&broker, Action::ObjectsDeleted { count: u64::try_from(deleted).unwrap_or(u64::MAX) }, now);
    }
    Ok(Json(DeleteReply { results }))
}

async fn check_all(broker: &Broker, caller: &Caller, keys: &[String], now: OffsetDateTime) -> Result<Vec<Step>, Problem> {
    let checks: Vec<_> = keys.iter().map(|key| check(broker, caller, key, now)).collect();
    let steps: Vec<Result<Step, StoreError>> = stream::iter(checks).buffered(CALLS_AT_ONCE).collect().await;
    let steps: Vec<Step> = steps.into_iter().collect::<Result<_, _>>()?;
    Ok(steps.into_iter().map(|step| within_budget(broker, caller, step, now)).collect())
}

async fn check(broker: &Broker, caller: &Caller, key: &str, now: OffsetDateTime) -> Result<Step, StoreError> {
    let key: ObjectKey = match key.parse() {
        Ok(key) => key,
        Err(invalid) => return Ok(refuse(refused(ProblemCode::KeyInvalid, &format!("not an object key: {invalid}")))),
    };
    if let Err(refusal) = rules::authorize(caller.scopes().user, &key) {
        return Ok(refuse(refusal));
    }
    let Some(head) = broker.store.head(&key).await? else { return Ok(Step::Decided(DeleteOutcome::Absent)) };
    Ok(rules::check_age(head.last_modified, now).map_or_else(refuse, |()| Step::Due(key)))
}

fn refuse(refusal: Refusal) -> Step {
    Step::Decided(DeleteOutcome::Refused(refusal))
}

fn within_budget(broker: &Broker, caller: &Caller, step: Step, now: OffsetDateTime) -> Step {
    match step {
        Step::Due(key) if broker.deletions.take(caller.payer(), 1, now) => Step::Due(key),
        Step::Due(_) => refuse(refused(ProblemCode::DailyLimit, "the account's deletions of the day are used up")),
        Step::Decided(outcome) => Step::Decided(outcome),
    }
}

async fn audit(broker: &Broker, caller: &Caller, steps: &[Step], now: OffsetDateTime) -> Result<(), Problem> {
    let due = steps.iter().filter_map(|step| match step {
        Step::Due(key) => Some(key.to_string()),
        Step::Decided(_) => None,
    });
    let due: Vec<String> = due.collect();
    if due.is_empty() {
        return Ok(());
    }
    let document = AuditDocument::new(caller.scopes().user, caller.scopes().device, due, now);
    broker.store.put_document(&document.key(), &document).await?;
    Ok(())
}

async fn delete_all(broker: &Broker, steps: Vec<Step>) -> Result<Vec<DeleteOutcome>, Problem> {
    let deletions: Vec<_> = steps.into_iter().map(|step| carry_out(broker, step)).collect();
    let outcomes: Vec<Result<DeleteOutcome, StoreError>> = stream::iter(deletions).buffered(CALLS_AT_ONCE).collect().await;
    Ok(outcomes.into_iter().collect::<Result<_, _>>()?)
}

async fn carry_out(broker: &Broker, step: Step) -> Result<DeleteOutcome, StoreError> {
    match step {
        Step::Decided(outcome) => Ok(outcome),
        Step::Due(key) => broker.store.delete(&key).await.map(|()| DeleteOutcome::Deleted),
    }
}
