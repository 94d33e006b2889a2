//! `POST /v1/self-host/session`: from an invite to a session.

use axum::extract::State;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{SelfHostSessionRequest, SessionReply};

use super::{invite, slot};
use crate::broker::Broker;
use crate::identity::{account_proof, link, link_account};
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{IdentityClaims, ProvenKey, SessionGrant, WayIn, open_full, open_limited};

/// Opens a session: `create` for a new account, `bootstrap` for a device without the account's key, `full` with its proof.
#[utoipa::path(
    post,
    path = "/v1/self-host/session",
    tag = "session",
    request_body = SelfHostSessionRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A session", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn session(
    State(broker): State<Broker>,
    key: ProvenKey,
    Json(request): Json<SelfHostSessionRequest>,
) -> Result<Json<SessionReply>, Problem> {
    let invite = invite::verify(&broker.tokens, &request.invite)?;
    invite::refuse_revoked(&broker, &invite.claim).await?;
    slot::refuse_strangers(&broker, &invite.claim, &key.thumbprint).await?;
    let proven = request.account.map(|proof| account_proof::verify(&proof, broker.public_url(), &key)).transpose()?;
    let lnk = link::self_host_identity(&broker.server_id_key, &invite.user_name);
    let linked = link::find(&broker, lnk).await?;
    let grant = |user| {
        let identity = IdentityClaims { lnk, way: WayIn::Invite(invite.claim.clone()) };
        SessionGrant { user, thumbprint: key.thumbprint, identity, until: None }
    };
    match (linked, proven) {
        (None, None) => Err(Problem::new(
            ProblemCode::AccountNotFound,
            "this invite opens no account yet; send the genesis of a new one with its proof",
        )),
        (None, Some(user)) => open_limited(&broker, &grant(user), AccountScope::Create).await.map(Json),
        (Some(user), None) => open_limited(&broker, &grant(user), AccountScope::Bootstrap).await.map(Json),
        (Some(user), Some(proven)) if user == proven => {
            slot::take_slot(&broker, &invite.claim, &key.thumbprint, user).await?;
            open_full(&broker, &grant(user)).await.map(Json)
        }
        (Some(_), Some(_)) => Err(link_account::already_linked()),
    }
}
