//! `GET /v1/status`: what opens the caller's session, and whether it still counts.

use axum::extract::{FromRequestParts, State};
use http::header::AUTHORIZATION;
use http::request::Parts;
use tidegate_app_store::{Entitlement, EntitlementPolicy, FOREVER, Standing};
use tidegate_protocol::UserId;
use tidegate_protocol::problem::ProblemDocument;
use tidegate_protocol::subscription::{EntitlementState, EntitlementStatus, Retention, ServiceMode, StatusReply};
use time::OffsetDateTime;

use super::claim::SubscriptionClaim;
use super::entitlement_store::current;
use super::refusal;
use crate::broker::Broker;
use crate::identity::bearer;
use crate::json::Json;
use crate::problem::Problem;
use crate::session::Caller;

/// Who asks for a status, or for the relay: a device, or a client of PumpSync's contract.
pub(crate) enum Asker {
    /// A device with its session.
    Device(Caller),
    /// Whoever has a status token of PumpSync's contract.
    Bearer(Option<SubscriptionClaim>),
}

impl FromRequestParts<Broker> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, broker: &Broker) -> Result<Self, Problem> {
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let scheme_and_token = authorization.and_then(|value| value.split_once(' '));
        match scheme_and_token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            Some((_, token)) => bearer::verify(broker, token).map(Self::Bearer),
            None => Caller::from_request_parts(parts, broker).await.map(Self::Device),
        }
    }
}

impl Asker {
    fn subscription(&self) -> Option<&SubscriptionClaim> {
        match self {
            Self::Device(caller) => caller.subscription(),
            Self::Bearer(claim) => claim.as_ref(),
        }
    }

    /// Refuses whom nothing entitles any more, and devices without the account's key.
    pub(crate) async fn refuse_ended(&self, broker: &Broker) -> Result<(), Problem> {
        match self {
            Self::Device(caller) => caller.require_full(),
            Self::Bearer(None) => Ok(()),
            Self::Bearer(Some(claim)) => super::refuse_ended(broker, claim).await.map(|_| ()),
        }
    }

    fn user(&self) -> Option<UserId> {
        match self {
            Self::Device(caller) => Some(caller.scopes().user),
            Self::Bearer(_) => None,
        }
    }
}

/// What opens the session and what it stands at, at most a minute old.
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "session",
    security(("dpop" = []), ()),
    responses(
        (status = 200, description = "The status", body = StatusReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn status(State(broker): State<Broker>, asker: Asker) -> Result<Json<StatusReply>, Problem> {
    let entitlement = match asker.subscription() {
        None => None,
        Some(claim) => Some(stands(&broker, claim).await?),
    };
    Ok(Json(StatusReply {
        // An invite that was revoked is refused with the renewal; until then it counts.
        entitlement_active: entitlement.as_ref().is_none_or(|entitlement| entitlement.code.is_none()),
        service_mode: if entitlement.is_some() { ServiceMode::Hosted } else { ServiceMode::SelfHosted },
        tandem_credential_storage: Retention::None,
        tandem_data_retention: Retention::None,
        user_id: asker.user(),
        entitlement,
    }))
}

async fn stands(broker: &Broker, claim: &SubscriptionClaim) -> Result<EntitlementStatus, Problem> {
    let app_store = broker.app_store.as_ref().ok_or_else(refusal::not_offered)?;
    let known = current(broker, claim.ent).await?.ok_or_else(refusal::unknown)?;
    describe(&known, &app_store.settings.entitlement, broker.clock.now()).ok_or_else(refusal::unknown)
}

/// The entitlement for people; `None` if no purchase of it is known.
fn describe(known: &Entitlement, policy: &EntitlementPolicy, now: OffsetDateTime) -> Option<EntitlementStatus> {
    let purchase = known.purchase()?;
    let (state, until, code) = match known.standing(now, policy) {
        Standing::Active { until } => (EntitlementState::Active, (until != FOREVER).then_some(until), None),
        Standing::Grace { until } => (EntitlementState::Grace, Some(until), None),
        Standing::Closed(why) => {
            let (state, until) = closed(&why);
            (state, until, Some(refusal::closed_code(&why)))
        }
    };
    Some(EntitlementStatus {
        product_id: purchase.product_id.clone(),
        environment: purchase.environment.as_str().to_owned(),
        family_shared: purchase.is_family_shared,
        state,
        until,
        auto_renews: known.renewal().and_then(|renewal| renewal.auto_renews),
        code,
    })
}

const fn closed(why: &tidegate_app_store::Closed) -> (EntitlementState, Option<OffsetDateTime>) {
    use tidegate_app_store::Closed;
    match why {
        Closed::BillingRetry { since } => (EntitlementState::BillingRetry, Some(*since)),
        Closed::Expired { at } => (EntitlementState::Expired, Some(*at)),
        Closed::Refunded { at } => (EntitlementState::Refunded, Some(*at)),
        Closed::Revoked { at } => (EntitlementState::Revoked, Some(*at)),
        Closed::Upgraded | Closed::FamilyShared | Closed::Product | Closed::ProductType | Closed::Unknown => {
            (EntitlementState::Revoked, None)
        }
    }
}
