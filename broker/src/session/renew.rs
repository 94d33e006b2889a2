//! `POST /v1/session/renew`.

use axum::extract::State;
use tidegate_protocol::account::device_id;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{RenewRequest, SessionReply};
use tidegate_protocol::{DeviceId, Sha256, UserId};
use time::OffsetDateTime;

use super::caller::ProvenKey;
use super::ended::Standing;
use super::grant::{self, Moment, SessionGrant};
use super::renewal::{self, Issue, RenewalClaims};
use super::token::TokenType;
use crate::account::generation;
use crate::audit::Action;
use crate::broker::Broker;
use crate::identity::{self, link};
use crate::json::Json;
use crate::problem::Problem;

/// A fresh access token for a renewal token; once a day also a fresh renewal token.
#[utoipa::path(
    post,
    path = "/v1/session/renew",
    tag = "session",
    request_body = RenewRequest,
    security(("dpop" = [])),
    responses(
        (status = 200, description = "A fresh access token", body = SessionReply),
        (status = "4XX", description = "Refused", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn renew(
    State(broker): State<Broker>,
    key: ProvenKey,
    Json(request): Json<RenewRequest>,
) -> Result<Json<SessionReply>, Problem> {
    let now = broker.clock.now();
    let presented = PresentedRenewal::read(&broker, &key, &request.renewal_token, now).await?;
    let issue = presented.require_current(&broker, now).await?;
    let PresentedRenewal { claims, standing, until } = presented;
    let kept = Issue { jti: claims.jti, issued_at: OffsetDateTime::from_unix_timestamp(claims.iat).unwrap_or(now) };
    let RenewalClaims { sub: user, identity, generation, .. } = claims;
    let grant = SessionGrant { user, thumbprint: key.thumbprint, identity, generation, until };
    // The subscription was renewed since: the same renewal token may live longer than the one that was presented says.
    let lives_longer = grant.renewal_ends_at(&broker, kept.issued_at).unix_timestamp() > claims.exp;
    let issue = issue.or_else(|| lives_longer.then_some(kept));
    let renewed = grant::reply(&broker, &grant, AccountScope::Full, issue, &Moment::new(&standing, now))?;
    grant.note(&broker, Action::SessionRenewed, now);
    Ok(Json(renewed))
}

/// A renewal token whose device key was proven, and whose device, identity and link still stand. It may have been replaced or ended.
pub(crate) struct PresentedRenewal {
    claims: RenewalClaims,
    standing: Standing,
    until: Option<OffsetDateTime>,
}

impl PresentedRenewal {
    /// Reads the token and looks at what it goes by.
    pub(crate) async fn read(broker: &Broker, key: &ProvenKey, token: &str, now: OffsetDateTime) -> Result<Self, Problem> {
        let claims = verify(broker, key, token, now)?;
        let standing = Standing::read(broker, claims.sub, claims.did).await?;
        // Before the token's own end is looked at: a subscription's token ends with it, and the client is to hear why.
        let until = identity::refuse_ended(broker, &claims.identity).await?;
        if now.unix_timestamp() >= claims.exp {
            return Err(Problem::new(ProblemCode::RenewalExpired, "the renewal token has ended; sign in again"));
        }
        if link::find(broker, claims.identity.lnk).await? != Some(claims.sub) {
            return Err(Problem::new(ProblemCode::RenewalExpired, "the identity opens this account no more; sign in again"));
        }
        Ok(Self { claims, standing, until })
    }

    pub(crate) const fn user(&self) -> UserId {
        self.claims.sub
    }

    pub(crate) const fn device(&self) -> DeviceId {
        self.claims.did
    }

    /// Refuses it unless its session goes on and it is the current one; with a new one to hand out where that is due.
    pub(crate) async fn require_current(&self, broker: &Broker, now: OffsetDateTime) -> Result<Option<Issue>, Problem> {
        // First, so that a device of before hears why its session has ended.
        generation::refuse_replaced(broker, self.claims.sub, self.claims.generation).await?;
        self.standing.refuse_ended(self.claims.iat)?;
        renewal::present(broker, &self.claims, now).await
    }

    /// For a session that begins anew, under keys of this generation.
    pub(crate) fn into_grant(self, thumbprint: Sha256, generation: u32) -> SessionGrant {
        let Self { claims, until, .. } = self;
        SessionGrant { user: claims.sub, thumbprint, identity: claims.identity, generation, until }
    }
}

fn verify(broker: &Broker, key: &ProvenKey, token: &str, now: OffsetDateTime) -> Result<RenewalClaims, Problem> {
    let refused = |reason: String| Problem::new(ProblemCode::TokenInvalid, format!("the renewal token is refused: {reason}"));
    let claims: RenewalClaims =
        broker.tokens.verify(TokenType::Renewal, token, now).map_err(|fault| refused(fault.to_string()))?;
    let is_bound = claims.cnf.is_of(&key.thumbprint) && claims.did == device_id(claims.sub, &key.thumbprint);
    if !is_bound {
        return Err(refused("it is bound to another key".to_owned()));
    }
    if !key.names_token(token) {
        return Err(Problem::new(ProblemCode::ProofInvalid, "the DPoP proof's ath is not that of the renewal token"));
    }
    Ok(claims)
}
