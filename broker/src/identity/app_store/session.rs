//! `POST /v1/subscription/session`: from a StoreKit transaction to a session.

use axum::extract::State;
use tidegate_app_store::{Presented, Subjects, VerifiedTransaction, admit, bind};
use tidegate_protocol::account::app_account_token;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::SessionReply;
use tidegate_protocol::subscription::{SubscriptionSessionReply, SubscriptionSessionRequest};
use tidegate_protocol::{Sha256, UserId};
use time::OffsetDateTime;

use super::claim::SubscriptionClaim;
use super::entitlement_store::{entitlement_of, subscription_name};
use super::{AppStore, environment, refusal};
use crate::account::reset;
use crate::broker::Broker;
use crate::identity::link::{self, LinkDocument};
use crate::identity::{account_proof, bearer, door, link_account};
use crate::json::Json;
use crate::problem::Problem;
use crate::session::{IdentityClaims, MaybeProvenKey, ProvenKey, SessionGrant, WayIn, open_full, open_limited};

/// Opens a session: `create` for a new account, `bootstrap` for a device without the account's key, `full` with its proof.
#[utoipa::path(
    post,
    path = "/v1/subscription/session",
    tag = "session",
    request_body = SubscriptionSessionRequest,
    security(("dpop" = []), ()),
    responses(
        (status = 200, description = "A session; for a call without a proof, where that is set to be served, a status token", body = SubscriptionSessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn subscription_session(
    State(broker): State<Broker>,
    key: MaybeProvenKey,
    Json(request): Json<SubscriptionSessionRequest>,
) -> Result<Json<SubscriptionSessionReply>, Problem> {
    let now = broker.clock.now();
    let app_store = broker.app_store.as_ref().ok_or_else(refusal::not_offered)?;
    let purchase = Purchase::read(&broker, app_store, &request.signed_transaction_info, now).await?;
    match key {
        MaybeProvenKey::Proven(key) => {
            let reply = open(&broker, &key, &request, purchase).await?;
            Ok(Json(SubscriptionSessionReply::Session(Box::new(reply))))
        }
        MaybeProvenKey::Missing if app_store.settings.pumpsync_contract && request.account.is_none() => {
            bearer::open(&broker, &purchase.claim, purchase.until, now).map(SubscriptionSessionReply::Bearer).map(Json)
        }
        MaybeProvenKey::Missing => Err(Problem::new(ProblemCode::ProofMissing, "the call needs a DPoP proof")),
    }
}

/// A verified transaction whose subscription opens sessions now.
struct Purchase {
    transaction: VerifiedTransaction,
    claim: SubscriptionClaim,
    /// The first of its names.
    lnk: Sha256,
    until: OffsetDateTime,
}

impl Purchase {
    async fn read(broker: &Broker, app_store: &AppStore, jws: &str, now: OffsetDateTime) -> Result<Self, Problem> {
        let transaction = app_store.verifier.transaction(jws, now).await?;
        let subjects = admit(&transaction, &app_store.settings.admission, now).map_err(refusal::not_admitted)?;
        let entitlement = entitlement_of(broker, &transaction).await?;
        let until = entitlement.may_open_session(now, &app_store.settings.entitlement).map_err(refusal::closed)?;
        let Subjects { environment, first, second } = subjects;
        let named = |subject: &str| {
            link::app_store_identity(&broker.server_id_key, &transaction.bundle_id, environment.as_str(), subject)
        };
        let claim = SubscriptionClaim {
            ent: subscription_name(&broker.server_id_key, &transaction),
            also: second.as_deref().map(named),
            env: environment.clone(),
        };
        let lnk = named(&first);
        Ok(Self { transaction, claim, lnk, until })
    }

    /// The link that leads to the customer's account: the first name's, else the second's.
    async fn link(&self, broker: &Broker) -> Result<Option<LinkDocument>, Problem> {
        if let Some(link) = link::find_with_history(broker, self.lnk).await? {
            return Ok(Some(link));
        }
        match self.claim.also {
            Some(name) => Ok(link::find_with_history(broker, name).await?),
            None => Ok(None),
        }
    }

    fn grant(self, user: UserId, generation: u32, key: &ProvenKey) -> SessionGrant {
        let identity = IdentityClaims { lnk: self.lnk, way: WayIn::Subscription(self.claim) };
        SessionGrant { user, thumbprint: key.thumbprint, identity, generation, until: Some(self.until) }
    }
}

async fn open(
    broker: &Broker,
    key: &ProvenKey,
    request: &SubscriptionSessionRequest,
    purchase: Purchase,
) -> Result<SessionReply, Problem> {
    let proven = match &request.account {
        Some(proof) => Some(account_proof::verify(broker, proof, key).await?),
        None => None,
    };
    let mut link = purchase.link(broker).await?;
    let linked = link.as_ref().map(|link| link.user);
    if reset::is_led_back(broker, purchase.lnk, linked, proven.map(|proven| proven.user)).await? {
        link = purchase.link(broker).await?;
    }
    let linked = link.as_ref().map(|link| link.user);
    if linked.is_some() || proven.is_some() {
        check_binding(&purchase.transaction, link.as_ref(), proven.map(|proven| proven.user), request)?;
    }
    match (linked, proven) {
        (None, None) => Err(Problem::new(
            ProblemCode::AccountNotFound,
            "this subscription opens no account yet; send the genesis of a new one with its proof",
        )),
        (None, Some(proven)) => {
            environment::refuse_other(broker, &purchase.claim.env, proven.user).await?;
            open_limited(broker, &purchase.grant(proven.user, proven.generation, key), AccountScope::Create).await
        }
        (Some(user), None) => open_limited(broker, &purchase.grant(user, 0, key), AccountScope::Bootstrap).await,
        (Some(user), Some(proven)) if user == proven.user => {
            let grant = purchase.grant(user, proven.generation, key);
            // One name may have led here and the other nowhere: a later purchase, or an app that is newer than the first.
            door::tie(broker, &grant.identity, &grant.thumbprint, user).await?;
            open_full(broker, &grant).await
        }
        (Some(_), Some(_)) => Err(link_account::already_linked()),
    }
}

fn check_binding(
    transaction: &VerifiedTransaction,
    link: Option<&LinkDocument>,
    proven: Option<UserId>,
    request: &SubscriptionSessionRequest,
) -> Result<(), Problem> {
    let history = link.map(|link| link.history.as_slice()).unwrap_or_default();
    let linked: Vec<_> = history.iter().map(|linked| app_account_token(linked.user)).collect();
    let presented = Presented {
        linked: &linked,
        proven: proven.map(app_account_token),
        device_verification_id: request.device_verification_id,
    };
    bind(transaction, &presented).map_err(refusal::not_bound)
}
