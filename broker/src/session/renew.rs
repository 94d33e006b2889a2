//! `POST /v1/session/renew`.

use axum::extract::State;
use tidegate_protocol::account::device_id;
use tidegate_protocol::problem::{ProblemCode, ProblemDocument};
use tidegate_protocol::scope::AccountScope;
use tidegate_protocol::session::{RenewRequest, SessionReply};
use time::OffsetDateTime;

use super::caller::ProvenKey;
use super::grant::{self, SessionGrant};
use super::renewal::{self, Issue, RenewalClaims};
use super::token::TokenType;
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
    let claims = verify(&broker, &key, &request.renewal_token)?;
    grant::refuse_revoked(&broker, claims.did).await?;
    // Before the token's own end is looked at: a subscription's token ends with it, and the client is to hear why.
    let until = identity::refuse_ended(&broker, &claims.identity).await?;
    if now.unix_timestamp() >= claims.exp {
        return Err(Problem::new(ProblemCode::RenewalExpired, "the renewal token has ended; sign in again"));
    }
    if link::find(&broker, claims.identity.lnk).await? != Some(claims.sub) {
        return Err(Problem::new(ProblemCode::RenewalExpired, "the identity opens this account no more; sign in again"));
    }
    let issue = renewal::present(&broker, &claims, now).await?;
    let kept = Issue { jti: claims.jti, issued_at: OffsetDateTime::from_unix_timestamp(claims.iat).unwrap_or(now) };
    let grant = SessionGrant { user: claims.sub, thumbprint: key.thumbprint, identity: claims.identity, until };
    // The subscription was renewed since: the same renewal token may live longer than the one that was presented says.
    let lives_longer = grant.renewal_ends_at(&broker, kept.issued_at).unix_timestamp() > claims.exp;
    let issue = issue.or_else(|| lives_longer.then_some(kept));
    let renewed = grant::reply(&broker, &grant, AccountScope::Full, issue, now)?;
    grant.note(&broker, Action::SessionRenewed, now);
    Ok(Json(renewed))
}

fn verify(broker: &Broker, key: &ProvenKey, token: &str) -> Result<RenewalClaims, Problem> {
    let refused = |reason: String| Problem::new(ProblemCode::TokenInvalid, format!("the renewal token is refused: {reason}"));
    let claims: RenewalClaims = broker.tokens.verify(TokenType::Renewal, token).map_err(|fault| refused(fault.to_string()))?;
    let is_bound = claims.cnf.is_of(&key.thumbprint) && claims.did == device_id(claims.sub, &key.thumbprint);
    if !is_bound {
        return Err(refused("it is bound to another key".to_owned()));
    }
    if !key.names_token(token) {
        return Err(Problem::new(ProblemCode::ProofInvalid, "the DPoP proof's ath is not that of the renewal token"));
    }
    Ok(claims)
}
