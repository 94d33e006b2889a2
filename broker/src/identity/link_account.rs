//! `POST /v1/account/link`: the account's first objects are in the store, so the identity may open it from now on.

use axum::extract::State;
use tidegate_protocol::genesis::Genesis;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::session::{LinkRequest, SessionReply};
use tidegate_protocol::{Digest, ObjectKey, UserId};

use super::door;
use crate::account::{self, generation};
use crate::broker::Broker;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{Caller, SessionGrant, open_full};
use crate::store::ranked;

/// Ties the caller's identity to its account, once; repeated by the same account it gives the same answer.
#[utoipa::path(
    post,
    path = "/v1/account/link",
    tag = "session",
    request_body = LinkRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A full session", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn link_account(
    State(broker): State<Broker>,
    caller: Caller,
    Json(LinkRequest {}): Json<LinkRequest>,
) -> Result<Json<SessionReply>, Problem> {
    let Some(identity) = caller.unlinked_identity().cloned() else {
        return Err(Problem::new(ProblemCode::ScopeInsufficient, "only a session of scope create links an account"));
    };
    let user = caller.scopes().user;
    // The account was proven when the session was opened, by keys that may have been replaced since.
    generation::refuse_replaced(&broker, user, caller.generation()).await?;
    refuse_incomplete(&broker, user).await?;
    let until = door::refuse_ended(&broker, &identity).await?;
    door::tie(&broker, &identity, &caller.thumbprint, user).await?;
    let grant = SessionGrant { user, thumbprint: caller.thumbprint, identity, generation: caller.generation(), until };
    open_full(&broker, &grant).await.map(Json)
}

pub(super) fn already_linked() -> Problem {
    Problem::new(ProblemCode::AlreadyLinked, "this identity already opens another account; join that one with its recovery code")
}

/// A link to an account whose keys cannot be read would lock its owner out.
pub(crate) async fn refuse_incomplete(broker: &Broker, user: UserId) -> Result<(), Problem> {
    account::refuse_gone(broker, user).await?;
    let incomplete =
        |missing: &str| Problem::new(ProblemCode::AccountIncomplete, format!("the account's {missing} is not in the store yet"));
    let genesis = broker.store.get(&ObjectKey::Genesis { user }).await?.ok_or_else(|| incomplete("genesis.json"))?;
    Genesis::parse_of(user, &genesis.bytes).map_err(|_| incomplete("genesis.json"))?;
    let any = ObjectKey::MasterKeys { user, generation: 0, digest: Digest::from_bytes([0; 16]) };
    if ranked(&broker.store, &any).await?.is_empty() {
        return Err(incomplete("master key"));
    }
    Ok(())
}
