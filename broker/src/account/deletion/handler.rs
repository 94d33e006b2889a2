//! The handler of `DELETE /v1/account`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration as StdDuration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::deletion::{DeleteAccountReply, DeleteAccountRequest, DeletionConfirmation, DeletionProgress};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::{Sha256, UserId};
use time::{Duration, OffsetDateTime};

use super::attend::{begin, note, sweep_first};
use super::document::{DeletionDocument, Remnants};
use crate::audit::Action;
use crate::broker::Broker;
use crate::identity::account_proof;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{Caller, Confirmation, TokenType};

/// The second call comes within this time of the first.
const CONFIRM_WITHIN: Duration = Duration::minutes(10);
/// The reply waits so long for the deletion, which goes on by itself.
const PATIENCE: StdDuration = StdDuration::from_secs(10);

/// What the first call's confirmation says: who may delete which account, until when.
#[derive(Debug, Serialize, Deserialize)]
struct ConfirmationClaims {
    iss: String,
    aud: String,
    sub: UserId,
    cnf: Confirmation,
    iat: i64,
    exp: i64,
}

/// Deletes the caller's account and every object of its own, in two calls: the first changes nothing and gives a confirmation, which
/// the second brings. Both prove the account's key.
#[utoipa::path(
    delete,
    path = "/v1/account",
    tag = "account",
    request_body = DeleteAccountRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A confirmation for the second call, or what is gone and what remains until when", body = DeleteAccountReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_account(
    State(broker): State<Broker>,
    caller: Caller,
    Json(request): Json<DeleteAccountRequest>,
) -> Result<Json<DeleteAccountReply>, Problem> {
    caller.require_full()?;
    let user = caller.scopes().user;
    let proven = account_proof::verify_for(&broker, &request.account, ProofPurpose::DeleteAccount, caller.prover()).await?;
    if proven.user != user {
        return Err(Problem::new(ProblemCode::AccountProofInvalid, "the account proof is refused: it is of another account"));
    }
    let now = broker.clock.now();
    let reply = match request.confirmation {
        None => DeleteAccountReply::ConfirmationNeeded(confirmation(&broker, user, &caller.thumbprint, now)?),
        Some(token) => {
            check(&broker, &token, user, &caller.thumbprint, now)?;
            DeleteAccountReply::Deleting(delete(&broker, &caller, now).await?)
        }
    };
    Ok(Json(reply))
}

fn confirmation(
    broker: &Broker,
    user: UserId,
    thumbprint: &Sha256,
    now: OffsetDateTime,
) -> Result<DeletionConfirmation, Problem> {
    let issuer = broker.tokens.issuer();
    let confirm_by = now + CONFIRM_WITHIN;
    let claims = ConfirmationClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: user,
        cnf: Confirmation::of(thumbprint),
        iat: now.unix_timestamp(),
        exp: confirm_by.unix_timestamp(),
    };
    let confirmation = broker.tokens.sign(TokenType::Deletion, &claims, now).map_err(Problem::internal)?;
    Ok(DeletionConfirmation { confirmation, confirm_by })
}

fn check(broker: &Broker, token: &str, user: UserId, thumbprint: &Sha256, now: OffsetDateTime) -> Result<(), Problem> {
    let refused =
        |reason: String| Problem::new(ProblemCode::ConfirmationInvalid, format!("the confirmation is refused: {reason}"));
    let claims: ConfirmationClaims =
        broker.tokens.verify(TokenType::Deletion, token, now).map_err(|fault| refused(fault.to_string()))?;
    if claims.sub != user || !claims.cnf.is_of(thumbprint) {
        return Err(refused("it was given to another device".to_owned()));
    }
    if now.unix_timestamp() >= claims.exp {
        return Err(refused("it has ended; ask for another".to_owned()));
    }
    Ok(())
}

async fn delete(broker: &Broker, caller: &Caller, now: OffsetDateTime) -> Result<DeletionProgress, Problem> {
    let (user, device) = (caller.scopes().user, caller.scopes().device);
    let document = begin(broker, user, device, now).await?;
    note(broker, user, &document, Action::AccountDeletionBegun, now);
    let (deleted, swept) = wait_a_little(broker, user, document.clone()).await;
    Ok(DeletionProgress {
        objects_deleted: deleted,
        swept,
        sessions_end_by: document.sessions_end_by(),
        urls_end_by: document.urls_end_by(),
        swept_again_at: document.over_at(Remnants::of(broker)),
    })
}

/// Deletes in a task of its own, which no ended connection stops; how far it came in a few seconds.
async fn wait_a_little(broker: &Broker, user: UserId, document: DeletionDocument) -> (u64, bool) {
    let deleted = Arc::new(AtomicU64::new(0));
    let (worker, counter) = (broker.clone(), Arc::clone(&deleted));
    let task = tokio::spawn(async move { sweep_first(&worker, user, document, &counter).await });
    let swept = match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "an account could not be deleted at once; it is tried again");
            false
        }
        Ok(Err(_)) | Err(_) => false,
    };
    (deleted.load(Ordering::Relaxed), swept)
}
