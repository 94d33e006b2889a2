//! `POST /v1/self-host/session`: from an invite to a session.

use axum::extract::{FromRequest as _, Request, State};
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{SelfHostSessionRequest, SessionReply};
use tidegate_protocol::subscription::{InstallationRequest, SubscriptionSessionReply};

use super::{invite, slot};
use crate::account::reset;
use crate::broker::Broker;
use crate::identity::{account_proof, bearer, link, link_account};
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{IdentityClaims, MaybeProvenKey, ProvenKey, SessionGrant, WayIn, open_full, open_limited};

/// Opens a session: `create` for a new account, `bootstrap` for a device without the account's key, `full` with its proof.
#[utoipa::path(
    post,
    path = "/v1/self-host/session",
    tag = "session",
    request_body = SelfHostSessionRequest,
    security(("dpop" = []), ()),
    responses(
        (status = 200, description = "A session; for a call without a proof, where that is set to be served, a status token", body = SubscriptionSessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn session(
    State(broker): State<Broker>,
    key: MaybeProvenKey,
    request: Request,
) -> Result<Json<SubscriptionSessionReply>, Problem> {
    let reply = match key {
        MaybeProvenKey::Proven(key) => {
            let Json(request) = Json::from_request(request, &()).await?;
            SubscriptionSessionReply::Session(Box::new(open(&broker, &key, request).await?))
        }
        MaybeProvenKey::Missing if broker.self_host_pumpsync => {
            let Json(InstallationRequest { installation_id: _ }) = Json::from_request(request, &()).await?;
            SubscriptionSessionReply::Bearer(bearer::open_self_hosted(&broker, broker.clock.now())?)
        }
        MaybeProvenKey::Missing => return Err(Problem::new(ProblemCode::ProofMissing, "the call needs a DPoP proof")),
    };
    Ok(Json(reply))
}

async fn open(broker: &Broker, key: &ProvenKey, request: SelfHostSessionRequest) -> Result<SessionReply, Problem> {
    let invite = invite::verify(&broker.tokens, &request.invite, broker.clock.now())?;
    invite::refuse_revoked(broker, &invite.claim).await?;
    slot::refuse_strangers(broker, &invite.claim, &key.thumbprint).await?;
    let proven = match &request.account {
        Some(proof) => Some(account_proof::verify(broker, proof, key).await?),
        None => None,
    };
    let lnk = link::self_host_identity(&broker.server_id_key, &invite.user_name);
    let mut linked = link::find(broker, lnk).await?;
    let holder = proven.map(|proven| proven.user);
    if reset::is_led_back(broker, lnk, linked, holder).await? {
        linked = holder;
    }
    let grant = |user, generation| {
        let identity = IdentityClaims { lnk, way: WayIn::Invite(invite.claim.clone()) };
        SessionGrant { user, thumbprint: key.thumbprint, identity, generation, until: None }
    };
    match (linked, proven) {
        (None, None) => Err(Problem::new(
            ProblemCode::AccountNotFound,
            "this invite opens no account yet; send the genesis of a new one with its proof",
        )),
        (None, Some(proven)) => open_limited(broker, &grant(proven.user, proven.generation), AccountScope::Create).await,
        (Some(user), None) => open_limited(broker, &grant(user, 0), AccountScope::Bootstrap).await,
        (Some(user), Some(proven)) if user == proven.user => {
            slot::take_slot(broker, &invite.claim, &key.thumbprint, user).await?;
            open_full(broker, &grant(user, proven.generation)).await
        }
        (Some(_), Some(_)) => Err(link_account::already_linked()),
    }
}
