//! The handler of `POST /v1/account/reset`.

use axum::extract::State;
use tidegate_protocol::account::ProofPurpose;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::reset::{ResetReply, ResetRequest, ResetState};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::{AccountFolder, UserId};
use time::OffsetDateTime;

use super::document::{Asked, RETURNABLE, ResetDocument};
use super::owner::{end, key};
use crate::audit::{Action, Event};
use crate::broker::Broker;
use crate::identity::account_proof;
use crate::identity::link::{self, Move};
use crate::identity::{self, refuse_incomplete};
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{Caller, IdentityClaims, RenewalDocument, SessionGrant, open_full, open_limited};
use crate::store::{StoreError, Swap, read, swap};

/// Asks that the caller's identity lead to another account, whose key it proves; asked again a week later it does so. Any proof by the
/// account that it leads to now, and any device of it that goes on, cancels that.
#[utoipa::path(
    post,
    path = "/v1/account/reset",
    tag = "account",
    request_body = ResetRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "How the reset stands, and a session of the new account", body = ResetReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn reset_account(
    State(broker): State<Broker>,
    caller: Caller,
    Json(request): Json<ResetRequest>,
) -> Result<Json<ResetReply>, Problem> {
    let Some(identity) = caller.keyless_identity().cloned() else {
        return Err(Problem::new(ProblemCode::ScopeInsufficient, "only a session of scope bootstrap asks for a reset"));
    };
    // A link that cannot be compared and swapped could be moved twice, and to two accounts.
    if !broker.rotates() {
        return Err(Problem::new(ProblemCode::ResetNotOffered, "this broker's store has no compare-and-swap: no link is moved"));
    }
    let (from, now) = (caller.scopes().user, broker.clock.now());
    let until = identity::refuse_ended(&broker, &identity).await?;
    let proven = account_proof::verify_for(&broker, &request.account, ProofPurpose::ResetAccount, caller.prover()).await?;
    // A customer's newer name may lead nowhere yet; it leads where the older one does.
    if identity.subscription().is_some_and(|claim| claim.also.is_some()) && link::find(&broker, identity.lnk).await?.is_none() {
        link::create(&broker, identity.lnk, from).await?;
    }
    if proven.user == from || link::find(&broker, identity.lnk).await? != Some(from) {
        return Err(Problem::new(ProblemCode::ResetNotNeeded, "the identity does not lead to another account: sign in"));
    }
    let (reset, asked) = ask(&broker, from, &identity, proven.user, now).await?;
    let grant = SessionGrant {
        user: proven.user,
        thumbprint: caller.thumbprint,
        identity: identity.clone(),
        generation: proven.generation,
        until,
    };
    if asked == Asked::Due {
        refuse_if_alive(&broker, from, &identity, &reset).await?;
    }
    let is_due = asked == Asked::Due && is_complete(&broker, proven.user).await?;
    if is_due {
        // Before the link moves: who finds no slot would have lost the one account and not got the other.
        identity::reserve(&broker, &identity, &caller.thumbprint, proven.user).await?;
        move_links(&broker, &identity, &reset, from).await?;
        identity::tie(&broker, &identity, &caller.thumbprint, proven.user).await?;
    }
    let action = if is_due { Action::ResetMoved } else { Action::ResetAsked };
    broker.audit.note(Event { at: now, user: from, device: caller.scopes().device, action });
    let session =
        if is_due { open_full(&broker, &grant).await? } else { open_limited(&broker, &grant, AccountScope::Create).await? };
    Ok(Json(ResetReply {
        state: if is_due { ResetState::Moved } else { ResetState::Pending },
        from,
        to: proven.user,
        moves_at: reset.moves_at(),
        returnable_until: if is_due { now } else { reset.moves_at() } + RETURNABLE,
        session,
    }))
}

/// Whether the new account's first objects are there: whoever asked and ended before storing them gets another session to do so.
async fn is_complete(broker: &Broker, user: UserId) -> Result<bool, Problem> {
    match refuse_incomplete(broker, user).await {
        Ok(()) => Ok(true),
        Err(problem) if problem.code == ProblemCode::AccountIncomplete => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Writes down that it is asked for, or finds that it was.
async fn ask(
    broker: &Broker,
    from: UserId,
    identity: &IdentityClaims,
    to: UserId,
    now: OffsetDateTime,
) -> Result<(ResetDocument, Asked), Problem> {
    let key = key(from, identity.lnk);
    let found = read::<ResetDocument>(&broker.store, &key).await?;
    let asked = ResetDocument::ask(found.as_ref().map(|found| &found.document), to, now);
    match (asked, found) {
        (Asked::Waits | Asked::Due, Some(found)) => Ok((found.document, asked)),
        (Asked::Other, _) => Err(Problem::new(ProblemCode::ResetPending, "a reset to another account is under way")),
        (Asked::Cancelled, _) => Err(cancelled()),
        (Asked::Begins | Asked::Waits | Asked::Due, found) => {
            let also = identity.subscription().and_then(|claim| claim.also);
            let reset = ResetDocument::new(to, also, now);
            let etag = found.as_ref().and_then(|found| found.etag.as_deref());
            match swap(&broker.store, &key, etag, &reset).await? {
                Swap::Done => Ok((reset, Asked::Begins)),
                Swap::Lost => Err(Problem::new(ProblemCode::StateConflict, "somebody else asked at the same time; try again")),
            }
        }
    }
}

/// A device that signed in or renewed since is a device of somebody who has not lost the account.
async fn refuse_if_alive(broker: &Broker, from: UserId, identity: &IdentityClaims, reset: &ResetDocument) -> Result<(), Problem> {
    for object in broker.store.list(&AccountFolder::Renewals(from).to_string()).await? {
        let Ok(key) = object.key.parse() else { continue };
        let Some(renewal) = read::<RenewalDocument>(&broker.store, &key).await? else { continue };
        if renewal.document.issued_at > reset.asked_at {
            end(broker, from, identity.lnk).await?;
            return Err(cancelled());
        }
    }
    Ok(())
}

async fn move_links(broker: &Broker, identity: &IdentityClaims, reset: &ResetDocument, from: UserId) -> Result<(), StoreError> {
    // The name that was asked by goes last: until then whoever asks again does what is left.
    for name in reset.also.into_iter().chain([identity.lnk]) {
        link::lead_to(broker, name, from, reset.to, Move::Away).await?;
    }
    Ok(())
}

fn cancelled() -> Problem {
    Problem::new(ProblemCode::ResetCancelled, "whoever holds the account has cancelled the reset")
}
