//! PumpSync's contract: a token without a device key, for `GET /v1/status` alone. Off unless a setting says otherwise.
//!
//! Whoever has the transaction has this token: it says whether that subscription counts, and opens nothing.

use serde::{Deserialize, Serialize};
use tidegate_protocol::problem::ProblemCode;
use tidegate_protocol::subscription::{BearerSessionReply, ServiceMode};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::claim::SubscriptionClaim;
use super::refusal;
use crate::broker::Broker;
use crate::problem::Problem;
use crate::session::TokenType;

#[derive(Debug, Serialize, Deserialize)]
struct StatusClaims {
    iss: String,
    aud: String,
    jti: Uuid,
    iat: i64,
    exp: i64,
    aps: SubscriptionClaim,
}

/// Mints the token; it lives no longer than the subscription.
pub(super) fn open(
    broker: &Broker,
    claim: &SubscriptionClaim,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<BearerSessionReply, Problem> {
    let lives = Duration::seconds(i64::from(broker.lifetimes.access_seconds));
    let exp = until.min(now + lives).unix_timestamp();
    let issuer = broker.tokens.issuer();
    let claims = StatusClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        jti: Uuid::new_v4(),
        iat: now.unix_timestamp(),
        exp,
        aps: claim.clone(),
    };
    Ok(BearerSessionReply {
        access_token: broker.tokens.sign(TokenType::Status, &claims).map_err(Problem::internal)?,
        expires_at: OffsetDateTime::from_unix_timestamp(exp).map_err(Problem::internal)?,
        entitlement_active: true,
        service_mode: ServiceMode::Hosted,
    })
}

/// The subscription that a status token speaks of.
pub(super) fn verify(broker: &Broker, token: &str) -> Result<SubscriptionClaim, Problem> {
    if !broker.app_store.as_ref().is_some_and(|app_store| app_store.settings.pumpsync_contract) {
        return Err(refusal::not_offered());
    }
    let claims: StatusClaims = broker
        .tokens
        .verify(TokenType::Status, token)
        .map_err(|fault| Problem::new(ProblemCode::TokenInvalid, format!("the status token is refused: {fault}")))?;
    if broker.clock.now().unix_timestamp() >= claims.exp {
        return Err(Problem::new(ProblemCode::TokenExpired, "the status token has ended; open a new session"));
    }
    Ok(claims.aps)
}
